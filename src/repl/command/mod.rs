//! Commands of the shell itself: one table of them, from which parsing, help and completion follow.

mod again;
mod catalog;
mod choices;
mod clipboard;
mod help;
mod list;
mod run;

pub(super) use list::COMMANDS;

use crate::error::{Code, Error, Result, did_you_mean};

/// A row of the table.
#[derive(Debug)]
pub(super) struct Command {
    /// The name, without its dot.
    pub name: &'static str,
    /// Other spellings, whole: what people know from elsewhere.
    pub friends: &'static [&'static str],
    pub action: Action,
    pub argument: Argument,
    pub required: bool,
    /// The argument in help.
    pub usage: &'static str,
    pub summary: &'static str,
    /// More than the summary, for `.help command`.
    pub details: &'static str,
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Columns,
    Copy,
    Edit,
    Explain,
    Functions,
    Help,
    Keys,
    Last,
    Mode,
    Once,
    Output,
    Pager,
    Param,
    Progress,
    Quit,
    Read,
    Safe,
    Schema,
    Tables,
    Theme,
    Timing,
    Watch,
}

/// What a command's argument is, for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    Nothing,
    Command,
    File,
    Format,
    Function,
    /// One of these words; whether another text is taken too is the command's to say.
    Words(&'static [&'static str]),
    /// SQL.
    Statement,
    Table,
    Text,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub action: Action,
    pub argument: Option<&'a str>,
}

/// Whether a line is a command rather than SQL.
pub(super) fn is_command(line: &str) -> bool {
    let line = line.trim();
    let mut characters = line.chars();
    match (characters.next(), characters.next()) {
        (Some('.'), Some(c)) => c.is_alphabetic(),
        (Some('.'), None) => true,
        (Some('\\'), Some(c)) => c == '?' || c.is_lowercase(),
        _ => {
            let bare = line.trim_end_matches(';').trim_end();
            find_friend(&bare.to_lowercase()).is_some()
        }
    }
}

/// Reads a line for which [`is_command`] holds.
///
/// # Errors
/// [`Code::Syntax`] for a command that is not there, or an argument too few or too many.
pub(super) fn parse(line: &str) -> Result<Request<'_>> {
    let line = line.trim();
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let bare = name.trim_end_matches(';').to_lowercase();
    let named = bare
        .strip_prefix('.')
        .and_then(|name| COMMANDS.iter().find(|command| command.name == name));
    let command = named.or_else(|| find_friend(&bare));
    let command = command.ok_or_else(|| unknown(name))?;
    let argument = unquoted(argument.trim(), command.argument);
    let action = match (name, argument) {
        ("\\d", Some(_)) => Action::Columns,
        _ => command.action,
    };
    match argument {
        None if command.required => Err(misused(command, "needs an argument")),
        Some(_) if command.argument == Argument::Nothing => Err(misused(command, "takes no argument")),
        argument => Ok(Request { action, argument }),
    }
}

/// The command of that name, with or without its dot.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    let bare = name.trim_start_matches('.').to_lowercase();
    let named = COMMANDS.iter().find(|command| command.name == bare);
    named.or_else(|| find_friend(&name.to_lowercase()))
}

fn find_friend(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.friends.contains(&name))
}

/// An argument without the quotes around it, and without a semicolon from habit.
fn unquoted(text: &str, kind: Argument) -> Option<&str> {
    let text = match kind {
        Argument::Text | Argument::Statement => text,
        _ => text.trim_end_matches(';').trim_end(),
    };
    let inner = match kind {
        Argument::File => ['\'', '"'].iter().find_map(|quote| {
            let inner = text.strip_prefix(*quote)?.strip_suffix(*quote)?;
            (!inner.is_empty()).then_some(inner)
        }),
        _ => None,
    };
    let text = inner.unwrap_or(text);
    (!text.is_empty()).then_some(text)
}

fn unknown(name: &str) -> Error {
    let names = COMMANDS.iter().map(|command| format!(".{}", command.name));
    let elsewhere = || {
        let bare = name.trim_start_matches(['.', '\\']).to_lowercase();
        let known = ELSEWHERE.iter().find(|(names, _)| names.contains(&bare.as_str()));
        known.map(|(_, way)| (*way).to_owned())
    };
    let hint = elsewhere()
        .or_else(|| did_you_mean(name, names))
        .unwrap_or_else(|| ".help lists the commands".to_owned());
    Error::new(Code::Syntax, format!("there is no command '{name}'")).with_hint(hint)
}

/// Commands of other shells, and what does the same here.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["x"],
        "\\G at a statement's end shows its rows expanded, .mode expanded all",
    ),
    (
        &["c", "cd", "connect", "open"],
        "USE zone changes the zone; weir --lake DIR opens another lake",
    ),
    (
        &["databases", "dn", "schemas"],
        "SELECT DISTINCT zone FROM system.tables",
    ),
    (&["di", "indexes", "indices"], "there are no indexes"),
    (
        &["dump", "fullschema"],
        ".schema writes the statements that make the tables",
    ),
    (&["excel", "www"], ".once FILE writes the next result to a file"),
    (
        &["import", "copy_from"],
        "COPY INTO table FROM 'file' loads it, FROM 'file' reads it",
    ),
    (
        &["headers", "nullvalue", "separator", "width"],
        ".mode chooses the format, --format that of a batch",
    ),
    (
        &["maxrows", "maxwidth"],
        "the pager shows all rows; without one, .once FILE does",
    ),
    (
        &["thousand_sep", "decimal_sep", "large_number_rendering"],
        ".mode csv shows plain numbers",
    ),
    (
        &["shell", "system", "!"],
        "Ctrl-Z goes back to the operating system's shell, fg returns",
    ),
    (
        &["set", "pset", "settings"],
        "SET name = value; SHOW ALL lists the settings",
    ),
    (&["show"], "SHOW ALL lists the settings"),
    (&["g", "gx", "gset"], "a statement ends at ; or at \\G"),
];

fn misused(command: &Command, what: &str) -> Error {
    let message = format!("command '.{}' {what}", command.name);
    Error::new(Code::Syntax, message)
        .with_hint(format!(".{} {}", command.name, command.usage).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> (Action, Option<&str>) {
        assert!(is_command(line), "{line}");
        let request = parse(line).unwrap();
        (request.action, request.argument)
    }

    #[test]
    fn the_table_is_sorted_and_reads_back() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for command in COMMANDS {
            let line = format!(".{} {}", command.name, if command.required { "x" } else { "" });
            assert_eq!(parsed(&line).0, command.action);
            assert_eq!(find(command.name).unwrap().name, command.name);
        }
    }

    #[test]
    fn arguments_are_the_rest_of_the_line() {
        assert_eq!(parsed(".tables"), (Action::Tables, None));
        assert_eq!(parsed(" .TABLES  raw.* ;"), (Action::Tables, Some("raw.*")));
        assert_eq!(parsed(".once 'my file.csv'"), (Action::Once, Some("my file.csv")));
        assert_eq!(parsed(".once my file.csv"), (Action::Once, Some("my file.csv")));
        assert_eq!(parsed(".output"), (Action::Output, None));
        assert_eq!(parsed(".param a='b';"), (Action::Param, Some("a='b';")));
        assert_eq!(
            parsed(".columns \"My table\""),
            (Action::Columns, Some("\"My table\""))
        );
        assert_eq!(parsed(".quit;"), (Action::Quit, None));
    }

    #[test]
    fn friends_are_understood() {
        for line in ["\\q", "exit", "quit", "EXIT;", ".exit"] {
            assert_eq!(parsed(line), (Action::Quit, None));
        }
        assert_eq!(parsed("\\d"), (Action::Tables, None));
        assert_eq!(parsed("\\d raw.events"), (Action::Columns, Some("raw.events")));
        assert_eq!(parsed("\\?"), (Action::Help, None));
        for line in ["help", "help;", "HELP"] {
            assert_eq!(parsed(line), (Action::Help, None));
        }
        assert_eq!(parsed("\\dt raw.*"), (Action::Tables, Some("raw.*")));
        assert_eq!(parsed(".timer on"), (Action::Timing, Some("on")));
        for line in [".5", "\\G", "exits", "exit now", "helper", "SELECT 1"] {
            assert!(!is_command(line), "{line}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (line, message, hint) in [
            (
                ".tabels",
                "there is no command '.tabels'",
                "did you mean '.tables'?",
            ),
            ("\\z", "there is no command '\\z'", ".help lists the commands"),
            (".import a.csv t", "there is no command '.import'", ELSEWHERE[6].1),
            (".", "there is no command '.'", ".help lists the commands"),
            (".read", "command '.read' needs an argument", ".read file"),
            (".last 3", "command '.last' takes no argument", ".last"),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.message(), message);
            assert_eq!(error.hint(), Some(hint), "{line}");
        }
    }
}
