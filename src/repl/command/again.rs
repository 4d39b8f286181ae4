//! Commands about the last input: run it again, change it, look at how it is carried out.

use std::io::{IsTerminal, Read, Seek, Write};
use std::time::Duration;

use chrono::Local;
use tokio::task::block_in_place;

use super::run::said;
use crate::error::{Code, Error, Result};
use crate::repl::input::Sql;
use crate::repl::shell::{Shell, Stop};
use crate::repl::terminal::NoMarks;
use crate::repl::{danger, note};
use crate::syntax::Script;

/// How often a statement is watched.
const EVERY: Duration = Duration::from_secs(2);
/// To the upper left corner; what is there goes.
const CLEAR: &str = "\x1b[H\x1b[2J";

impl Shell<'_> {
    /// `.explain [analyze] [statement]`.
    pub(super) async fn explain(&mut self, text: Option<&str>) -> Result<(), Stop> {
        let text = text.unwrap_or_default();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (verb, statement) = match first.trim_end_matches(';').eq_ignore_ascii_case("analyze") {
            true => ("EXPLAIN ANALYZE", rest),
            false => ("EXPLAIN", text),
        };
        let statement = match self.given_or_last(statement) {
            Ok(statement) => statement,
            Err(error) => return said(Err(error)),
        };
        let sql = Sql {
            text: format!("{verb} {}", explained(&statement)),
            expanded: Vec::new(),
        };
        self.sql(&sql, None).await.0
    }

    /// `.watch [seconds] [statement]`.
    pub(super) async fn watch(&mut self, text: Option<&str>) -> Result<(), Stop> {
        let (every, sql) = match self.watched(text.unwrap_or_default()) {
            Ok(watched) => watched,
            Err(error) => return said(Err(error)),
        };
        let has_paged = std::mem::replace(&mut self.may_page, false);
        let result = self.watch_every(every, &sql).await;
        self.may_page = has_paged;
        result
    }

    async fn watch_every(&mut self, every: Duration, sql: &Sql) -> Result<(), Stop> {
        let is_terminal = std::io::stdout().is_terminal();
        loop {
            let now = Local::now().format("%H:%M:%S");
            if is_terminal {
                // A terminal that is gone fails at the result.
                let mut stdout = std::io::stdout();
                // The heading goes to stderr: what clears has to be out before it.
                let _ = stdout.write_all(CLEAR.as_bytes()).and_then(|()| stdout.flush());
            }
            note(&format!("every {} s, {now}; Ctrl-C ends it", every.as_secs_f64()));
            match self.sql(sql, None).await.0 {
                Ok(()) => {}
                Err(Stop::Cancelled) => return Ok(()),
                Err(stop) => return Err(stop),
            }
            let _no_marks = NoMarks::new();
            tokio::select! {
                () = self.interrupts.next() => return Ok(()),
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    fn watched(&self, text: &str) -> Result<(Duration, Sql)> {
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (every, statement) = match first.trim_end_matches(';').parse::<f64>() {
            Ok(seconds) => {
                let every = Duration::try_from_secs_f64(seconds)
                    .ok()
                    .filter(|every| !every.is_zero());
                let wrong = || Error::new(Code::InvalidValue, format!("'{first}' is no time to wait"));
                (every.ok_or_else(wrong)?, rest)
            }
            Err(_) => (EVERY, text),
        };
        let text = self.given_or_last(statement)?;
        for piece in Script::new(&text).into_pieces() {
            if !danger::only_reads(&piece?) {
                return Err(Error::new(
                    Code::InvalidStatement,
                    "only a statement that reads can be watched",
                )
                .with_hint("this one would be run again every few seconds"));
            }
        }
        let expanded = Vec::new();
        Ok((every, Sql { text, expanded }))
    }

    /// The statement typed after a command, else the last one.
    fn given_or_last(&self, text: &str) -> Result<String> {
        let given = Some(text.trim())
            .filter(|text| !text.is_empty())
            .map(str::to_owned);
        given.or_else(|| self.recent_statement.clone()).ok_or_else(|| {
            Error::new(Code::InvalidStatement, "there is no statement yet")
                .with_hint("write one behind the command")
        })
    }

    /// `.edit`.
    pub(super) fn edit(&mut self) -> Result<()> {
        self.may_write()?;
        let wrong = |e| Error::io("a temporary file", "edit", e);
        let mut file = tempfile::Builder::new()
            .prefix("weir-")
            .suffix(".sql")
            .tempfile()
            .map_err(wrong)?;
        let text = self.recent_input.as_deref().unwrap_or_default();
        writeln!(file, "{text}").map_err(wrong)?;
        let editor = &self.options.editor;
        let status = block_in_place(|| {
            // The file's name is the first argument, whatever the editor's own are.
            let mut shell = std::process::Command::new("sh");
            shell
                .args(["-c", &format!("{editor} \"$1\""), "sh"])
                .arg(file.path());
            shell.status()
        });
        let status = status.map_err(|e| Error::io(editor, "run the editor", e))?;
        if !status.success() {
            return Err(Error::new(
                Code::InvalidStatement,
                format!("the editor '{editor}' failed, and nothing is changed"),
            )
            .with_hint("$VISUAL or $EDITOR names another"));
        }
        let mut text = String::new();
        // An editor may have put another file in its place.
        let mut edited = std::fs::File::open(file.path()).map_err(wrong)?;
        edited.rewind().map_err(wrong)?;
        edited.read_to_string(&mut text).map_err(wrong)?;
        self.next_input = Some(text.trim_end().to_owned());
        Ok(())
    }
}

/// The statement that an EXPLAIN is about; another is itself.
fn explained(statement: &str) -> &str {
    let mut rest = statement.trim_start();
    for word in ["EXPLAIN", "ANALYZE", "VERBOSE"] {
        let head = rest.get(..word.len());
        if head.is_some_and(|head| head.eq_ignore_ascii_case(word))
            && rest[word.len()..].starts_with(char::is_whitespace)
        {
            rest = rest[word.len()..].trim_start();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn what_is_explained_is_no_explanation() {
        assert_eq!(explained("explain analyze\n select 1"), "select 1");
        assert_eq!(explained("EXPLAIN SELECT 1"), "SELECT 1");
        assert_eq!(explained("SELECT 1"), "SELECT 1");
        assert_eq!(explained("analyzed"), "analyzed");
    }
}
