//! `SIMILAR TO '…'` as the regular expression that it means, which is what the planner takes it for: `%`
//! and `_` as in LIKE, and the whole text.

use sqlparser::ast::{Expr, Value};

/// Translates a pattern that is a literal.
pub(super) fn translate(expr: &mut Expr) {
    let Expr::SimilarTo {
        pattern, escape_char, ..
    } = expr
    else {
        return;
    };
    let Expr::Value(value) = pattern.as_mut() else {
        return;
    };
    let Value::SingleQuotedString(text) = &value.value else {
        return;
    };
    let escape = match escape_char.as_ref().map(|escape| &escape.value) {
        None => Some('\\'),
        Some(Value::SingleQuotedString(escape)) => {
            let mut characters = escape.chars();
            match (characters.next(), characters.next()) {
                (only, None) => only,
                // The planner refuses it.
                _ => return,
            }
        }
        Some(_) => return,
    };
    value.value = Value::SingleQuotedString(regular(text, escape));
    *escape_char = None;
}

fn regular(pattern: &str, escape: Option<char>) -> String {
    let mut regular = String::from("^(?s:");
    let mut in_brackets = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            // At the end there is nothing that it could escape: it stands for itself.
            push_literal(&mut regular, characters.next().unwrap_or(character));
            continue;
        }
        match character {
            '[' if in_brackets && characters.peek() == Some(&':') => {
                regular.push('[');
                for inner in characters.by_ref() {
                    regular.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' if !in_brackets => {
                in_brackets = true;
                regular.push('[');
            }
            ']' => {
                in_brackets = false;
                regular.push(']');
            }
            '^' | '-' if in_brackets => regular.push(character),
            '%' if !in_brackets => regular.push_str(".*"),
            '_' if !in_brackets => regular.push('.'),
            '|' | '*' | '+' | '?' | '{' | '}' | '(' | ')' if !in_brackets => regular.push(character),
            other => push_literal(&mut regular, other),
        }
    }
    regular.push_str(")$");
    regular
}

fn push_literal(regular: &mut String, character: char) {
    if r"\.+*?()|[]{}^$#&-~".contains(character) {
        regular.push('\\');
    }
    regular.push(character);
}

#[cfg(test)]
mod tests {
    use super::regular;

    #[test]
    fn patterns_are_of_the_whole_text() {
        let translated = |pattern| regular(pattern, Some('\\'));
        assert_eq!(translated("a%"), "^(?s:a.*)$");
        assert_eq!(translated("(a|b)_c{2}"), "^(?s:(a|b).c{2})$");
        assert_eq!(translated("a.b$"), r"^(?s:a\.b\$)$");
        assert_eq!(translated(r"100\%"), "^(?s:100%)$");
        assert_eq!(translated("[^a-c_%[:digit:]]+"), "^(?s:[^a-c_%[:digit:]]+)$");
        assert_eq!(regular("a#_", Some('#')), "^(?s:a_)$");
        assert_eq!(regular(r"a\", None), r"^(?s:a\\)$");
    }
}
