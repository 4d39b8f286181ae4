//! What is kept of what was typed: a file that all shells of a person share.
//!
//! Owns what is not kept: a text that begins with a space, as in other shells, and one that gives a
//! secret its value.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Editor, Helper};
use sqlparser::tokenizer::Token;

use super::lexer::{Lexed, Lexeme};
use super::note;
use crate::error::{Error, Result};

/// What a name has in it that stands for a secret.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "access_key",
    "accesskey",
    "api_key",
    "apikey",
    "private_key",
];

/// The history's file; none if it cannot be used.
pub(super) struct History {
    path: Option<PathBuf>,
    /// How the file was when it was last read or written here.
    seen: Option<(SystemTime, u64)>,
}

impl History {
    /// Opens the file, makes it and its folder if need be, and reads what is there. What is wrong with it
    /// is said, and is no error: then nothing is kept.
    pub(super) fn open<H: Helper>(path: Option<PathBuf>, editor: &mut Editor<H, FileHistory>) -> Self {
        let mut history = Self {
            path: None,
            seen: None,
        };
        let Some(path) = path else {
            return history;
        };
        match make_folder(&path).and_then(|()| load(&path, editor)) {
            Ok(()) => {
                history.seen = state(&path);
                history.path = Some(path);
            }
            Err(error) => note(&format!("no history: {}", error.message())),
        }
        history
    }

    /// Takes in what other shells have added.
    pub(super) fn refresh<H: Helper>(&mut self, editor: &mut Editor<H, FileHistory>) {
        let Some(path) = &self.path else {
            return;
        };
        let now = state(path);
        if now == self.seen {
            return;
        }
        self.seen = now;
        // What cannot be read now is as it was; writing says what is wrong.
        if editor.clear_history().is_ok() {
            let _ = load(path, editor);
        }
    }

    /// Keeps an input.
    pub(super) fn add<H: Helper>(&mut self, text: &str, editor: &mut Editor<H, FileHistory>) {
        // Others may have added theirs while this one was typed; appending would not take them in.
        self.refresh(editor);
        let Some(path) = self.path.as_ref().filter(|_| !text.trim().is_empty()) else {
            return;
        };
        if !text.starts_with(' ') && has_secret(text) {
            return note("not kept in the history: it gives a secret");
        }
        let kept = editor.add_history_entry(text.trim_end());
        let kept = kept.and_then(|_| editor.append_history(path));
        match kept {
            Ok(()) => self.seen = state(path),
            Err(error) => {
                let error = Error::io(path, "write", std::io::Error::other(error));
                note(&format!("the history ends here: {}", error.message()));
                self.path = None;
            }
        }
    }
}

fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|e| Error::io(folder, "make", e))
}

fn load<H: Helper>(path: &Path, editor: &mut Editor<H, FileHistory>) -> Result<()> {
    match editor.load_history(path) {
        Ok(()) => Ok(()),
        Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(path, "read", std::io::Error::other(error))),
    }
}

fn state(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Whether a text gives a secret its value: `password = '…'`, `'aws_secret_access_key' '…'`,
/// `.param token=…`, `https://user:password@host`.
fn has_secret(text: &str) -> bool {
    let line = text.trim_start();
    if let Some(parameter) = line.strip_prefix(".param") {
        let name = parameter.split('=').next().unwrap_or_default();
        return parameter.contains('=') && is_secret(name);
    }
    let lexed = Lexed::new(text);
    let lexemes: Vec<&Lexeme> = lexed.significant().collect();
    let gives = |i: usize| {
        let value = lexemes.get(i + 1..).unwrap_or_default().iter().find(|lexeme| {
            !matches!(
                lexeme.token,
                Token::Eq | Token::RArrow | Token::Colon | Token::Assignment
            )
        });
        value.is_some_and(|value| string(value).is_some())
    };
    lexemes.iter().enumerate().any(|(i, lexeme)| match &lexeme.token {
        Token::Word(word) => is_secret(&word.value) && gives(i),
        _ => string(lexeme).is_some_and(|text| is_secret(text) && gives(i) || has_login(text)),
    })
}

fn string(lexeme: &Lexeme) -> Option<&str> {
    match &lexeme.token {
        Token::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

fn has_login(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    host.split_once('@').is_some_and(|(login, _)| login.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::has_secret;

    #[test]
    fn values_of_secrets_are_known_by_their_names() {
        for text in [
            "CREATE USER a WITH PASSWORD 'x'",
            "OPTIONS ('aws.secret_access_key' 'x')",
            "OPTIONS (api_key => 'x')",
            "SELECT * FROM t WHERE token = 'x'",
            ".param api_token=x",
            "LOCATION 's3://a:b@host/x'",
        ] {
            assert!(has_secret(text), "{text}");
        }
        for text in [
            "SELECT token, password FROM users WHERE name = 'x'",
            "SELECT 'password'",
            "SELECT tokens + 1 FROM t",
            ".param since=2026",
            "LOCATION 's3://bucket/a@b:c'",
        ] {
            assert!(!has_secret(text), "{text}");
        }
    }
}
