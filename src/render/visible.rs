//! Text as a person reads it: control characters made visible, NULL told apart from a text.

use crate::error::Result;

use super::value::Column;

/// Writes values as a person reads them.
pub(super) struct Reader {
    null: String,
    newline: &'static str,
    scratch: String,
}

impl Reader {
    /// With the text for NULL, and what a line break becomes.
    pub(super) fn new(null: &str, newline: &'static str) -> Self {
        Self {
            null: null.to_owned(),
            newline,
            scratch: String::new(),
        }
    }

    /// Appends a value.
    pub(super) fn write(&mut self, column: &Column<'_>, row: usize, out: &mut String) -> Result<()> {
        if column.is_null(row) {
            out.push_str(&self.null);
            return Ok(());
        }
        let text = column.text(row, &mut self.scratch)?;
        if reads_as_null(text, &self.null) {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        } else {
            write_visible(text, self.newline, out);
        }
        Ok(())
    }
}

/// Whether a text is NULL's spelling, or that in quotes of its own.
fn reads_as_null(text: &str, null: &str) -> bool {
    !null.is_empty() && text.len() >= null.len() && text.trim_matches('\'') == null
}

/// Appends a text with a line break as `newline` and the other characters that would move a cursor
/// or turn the direction of writing as escapes.
pub(super) fn write_visible(text: &str, newline: &str, out: &mut String) {
    let mut rest = text;
    while let Some((start, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
        out.push_str(&rest[..start]);
        match hidden {
            '\n' => out.push_str(newline),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.extend(other.escape_unicode()),
        }
        rest = &rest[start + hidden.len_utf8()..];
    }
    out.push_str(rest);
}

/// Controls, line and paragraph separators, marks and overrides of direction, the byte order mark.
/// Joiners are not among them: they are part of emoji and of several scripts.
fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{feff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(text: &str) -> String {
        let mut out = String::new();
        write_visible(text, "\\n", &mut out);
        out
    }

    #[test]
    fn what_moves_the_cursor_is_shown() {
        assert_eq!(visible("a\tb\r\nc"), "a\\tb\\r\\nc");
        assert_eq!(visible("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(visible("\u{202e}txt\u{9b}"), "\\u{202e}txt\\u{9b}");
        assert_eq!(visible("C:\\new 数据 👩‍👩‍👧 é"), "C:\\new 数据 👩‍👩‍👧 é");
    }

    #[test]
    fn only_the_spelling_of_null_reads_as_null() {
        for text in ["NULL", "'NULL'", "''NULL''"] {
            assert!(reads_as_null(text, "NULL"), "{text}");
        }
        for text in ["", "null", "NULL ", "NULLS", "'"] {
            assert!(!reads_as_null(text, "NULL"), "{text}");
        }
        assert!(!reads_as_null("", ""));
    }
}
