//! `.help`: the list, a command, an error's code.

use super::{COMMANDS, Command, find};
use crate::error::{Code, Error, Kind, Result, did_you_mean, wrapped};
use crate::render::Format;

/// The text for `.help [topic]`, in lines of at most `width` characters.
///
/// # Errors
/// [`Code::InvalidValue`] for a topic that is neither a command nor a code.
pub(super) fn help(topic: Option<&str>, width: usize) -> Result<String> {
    let Some(topic) = topic else {
        return Ok(list(width));
    };
    let code = Code::ALL
        .iter()
        .find(|code| code.as_str().eq_ignore_ascii_case(topic.trim_matches(['[', ']'])));
    match (find(topic), code) {
        (Some(command), _) => Ok(wrapped(&about(command), width)),
        (None, Some(code)) => Ok(wrapped(&explanation(*code), width)),
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

fn list(width: usize) -> String {
    let usages: Vec<String> = COMMANDS.iter().map(usage).collect();
    let left = usages.iter().map(String::len).max().unwrap_or(0) + 2;
    let indent = " ".repeat(left);
    let lines = usages.iter().zip(COMMANDS).map(|(usage, command)| {
        let summary = wrapped(command.summary, width.saturating_sub(left).max(NARROW));
        format!("{usage:left$}{}\n", summary.replace('\n', &format!("\n{indent}")))
    });
    let mut text: String = lines.collect();
    text.push_str(&wrapped(
        "A statement ends at its semicolon, or at \\G for expanded rows. Tab completes, Ctrl-C cancels.",
        width,
    ));
    text
}

/// Summaries are not made narrower than this.
const NARROW: usize = 20;

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
        let list = help(None, 80).unwrap();
        assert!(list.lines().all(|line| line.len() <= 80), "{list}");
        for command in COMMANDS {
            assert!(list.contains(&format!(".{}", command.name)));
            assert!(help(Some(command.name), 500).unwrap().contains(command.summary));
        }
        for code in Code::ALL {
            let text = help(Some(&code.as_str().to_lowercase()), 500).unwrap();
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
            help(Some(".tabels"), 80).unwrap_err().hint(),
            Some("did you mean 'tables'?")
        );
        assert!(help(Some("\\q"), 80).unwrap().starts_with(".quit"));
        assert!(
            help(Some("[42P01]"), 80)
                .unwrap()
                .starts_with("42P01: No such table or view.")
        );
    }
}
