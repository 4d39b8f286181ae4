//! `weir user`: who may come in over the network, and what they may do.

use std::io::{IsTerminal, Write};
use std::path::Path;

use super::said;
use crate::batch;
use crate::catalog::Catalog;
use crate::engine::{Role, Roles};
use crate::error::{Code, Error, Result};
use crate::flight::{UserFile, users_file};

/// What is done with users.
#[derive(Debug, Clone)]
pub(super) enum UserTask {
    /// Add one, with these roles; without any, one who may read everything.
    Add {
        name: String,
        roles: Vec<String>,
        password_stdin: bool,
    },
    /// Give one another password.
    Password { name: String, password_stdin: bool },
    /// Remove one.
    Remove(String),
    /// Show all.
    List,
}

/// Does it.
pub(super) fn run(lake: &Path, task: &UserTask) -> Result<(), Code> {
    done(lake, task).map_err(said)
}

fn done(lake: &Path, task: &UserTask) -> Result<()> {
    let catalog = Catalog::open(lake)?;
    let users = UserFile::new(users_file(catalog.root()));
    match task {
        UserTask::Add {
            name,
            roles,
            password_stdin,
        } => {
            let roles = self::roles(&catalog, roles)?;
            users.add(name, &password(*password_stdin)?, &roles)?;
            batch::note(&format!("added user '{name}': {}", roles.texts().join(", ")));
        }
        UserTask::Password { name, password_stdin } => {
            users.set_password(name, &password(*password_stdin)?)?;
            batch::note(&format!("user '{name}' has a new password"));
        }
        UserTask::Remove(name) => {
            users.remove(name)?;
            batch::note(&format!("removed user '{name}'"));
        }
        UserTask::List => {
            let mut lines = String::from("name,roles\n");
            for user in users.users()? {
                lines += &format!("{},{}\n", user.name, user.roles.texts().join(" "));
            }
            let written = std::io::stdout().write_all(lines.as_bytes());
            written.map_err(|e| Error::io("stdout", "write", e))?;
        }
    }
    Ok(())
}

fn roles(catalog: &Catalog, texts: &[String]) -> Result<Roles> {
    let mut roles = match texts.is_empty() {
        true => Roles::everywhere(Role::Read),
        false => Roles::default(),
    };
    for text in texts {
        if let Some((zone, _)) = text.split_once('=') {
            catalog.zone(&zone.to_lowercase())?;
        }
        roles.add(text)?;
    }
    Ok(roles)
}

/// The password: a line of stdin, or typed twice without an echo.
fn password(from_stdin: bool) -> Result<String> {
    if from_stdin {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        read.map_err(|e| Error::io("stdin", "read", e))?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        let error = Error::new(Code::InvalidValue, "a password is typed on a terminal");
        return Err(error.with_hint("--password-stdin reads it from a pipe"));
    }
    let ask =
        |prompt: &str| rpassword::prompt_password(prompt).map_err(|e| Error::io("the terminal", "read", e));
    let password = ask("Password: ")?;
    match ask("Once more: ")? == password {
        true => Ok(password),
        false => Err(Error::new(Code::InvalidValue, "the two passwords differ")),
    }
}
