//! `.help`: the list, a command, an error's code.

use super::{COMMANDS, Command, find};
use crate::error::{Code, Error, Kind, Result, did_you_mean};
use crate::render::Format;

/// The text for `.help [topic]`.
///
/// # Errors
/// [`Code::InvalidValue`] for a topic that is neither a command nor a code.
pub(super) fn help(topic: Option<&str>) -> Result<String> {
    let Some(topic) = topic else {
        return Ok(list());
    };
    let code = Code::ALL
        .iter()
        .find(|code| code.as_str().eq_ignore_ascii_case(topic.trim_matches(['[', ']'])));
    match (find(topic), code) {
        (Some(command), _) => Ok(about(command)),
        (None, Some(code)) => Ok(explanation(*code)),
        (None, None) => {
            let codes = Code::ALL.iter().map(|code| code.as_str().to_owned());
            let names = COMMANDS.iter().map(|command| command.name.to_owned());
            let hint = did_you_mean(topic, names.chain(codes));
            Err(
                Error::new(Code::InvalidValue, format!("there is no help for '{topic}'"))
                    .with_hint(hint.unwrap_or_else(|| ".help lists the commands".to_owned())),
            )
        }
    }
}

fn list() -> String {
    let usages: Vec<String> = COMMANDS.iter().map(usage).collect();
    let width = usages.iter().map(String::len).max().unwrap_or(0);
    let lines = usages
        .iter()
        .zip(COMMANDS)
        .map(|(usage, command)| format!("{usage:width$}  {}", command.summary));
    let mut text: String = lines.map(|line| line + "\n").collect();
    text.push_str(
        "A statement ends at its semicolon, or at \\G for expanded rows. Tab completes, Ctrl-C cancels.",
    );
    text
}

fn usage(command: &Command) -> String {
    format!(".{} {}", command.name, command.usage)
        .trim_end()
        .to_owned()
}

fn about(command: &Command) -> String {
    let mut text = format!("{}: {}", usage(command), command.summary);
    if !command.details.is_empty() {
        text.push('\n');
        text.push_str(command.details);
    }
    if command.name == "mode" {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        text.push_str(&format!("\nFormats: {}.", names.join(", ")));
    }
    if !command.friends.is_empty() {
        text.push_str(&format!("\nAlso: {}", command.friends.join(", ")));
    }
    text
}

fn explanation(code: Code) -> String {
    let advice = match code.kind() {
        Kind::User => "Change the statement or the definition.",
        Kind::DataValidation => "Look at the rows that break the rule.",
        Kind::NotFound => "Check the name; .tables and SHOW list what is there.",
        Kind::Permission => "It may not be touched in this way.",
        Kind::Conflict => "Somebody else was first, or the thing is there already.",
        Kind::ResourceExhausted => "Memory or disk ran out.",
        Kind::Timeout => "It took longer than allowed.",
        Kind::Unavailable => "Storage or network failed: try again.",
        Kind::Cancelled => "Nothing is wrong.",
        Kind::Internal => "This is a defect of weir.",
    };
    format!(
        "{code}: {} {advice}\nA batch that ends with it has exit code {}.",
        code.meaning(),
        code.kind().exit_code()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_code_has_help() {
        let list = help(None).unwrap();
        for command in COMMANDS {
            assert!(list.contains(&format!(".{}", command.name)));
            assert!(help(Some(command.name)).unwrap().contains(command.summary));
        }
        for code in Code::ALL {
            let text = help(Some(&code.as_str().to_lowercase())).unwrap();
            assert!(
                text.starts_with(code.as_str()) && text.contains(code.meaning()),
                "{text}"
            );
            assert!(code.meaning().ends_with('.'), "{text}");
        }
    }

    #[test]
    fn a_topic_may_be_misspelled() {
        assert_eq!(
            help(Some(".tabels")).unwrap_err().hint(),
            Some("did you mean 'tables'?")
        );
        assert!(help(Some("\\q")).unwrap().starts_with(".quit"));
        assert!(
            help(Some("[42P01]"))
                .unwrap()
                .starts_with("42P01: No such table or view.")
        );
    }
}
