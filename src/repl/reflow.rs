//! What a terminal does to the line being typed when its width changes.
//!
//! Most terminals wrap what they show anew, and the line editor, which counts rows by the width that it
//! last drew for, would then clear the wrong ones: rows above it, or too few, so that copies of the line
//! stay. Before it draws, the rows of the old drawing are therefore cleared here, and the cursor is put
//! where the editor believes it to be. Terminals that wrap nothing anew are left to the editor.

use std::cell::RefCell;
use std::io::Write;

use console::Term;
use unicode_width::UnicodeWidthChar;

use super::terminal::width_of;

/// The last drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Drawn {
    /// How many columns the editor drew for.
    columns: usize,
    prompt: usize,
    line: String,
    at: usize,
    hint: String,
}

/// Watches the width between two drawings.
#[derive(Debug)]
pub(super) struct Reflow {
    /// Whether the terminal is one that wraps anew.
    is_needed: bool,
    drawn: RefCell<Drawn>,
}

impl Reflow {
    pub(super) fn new(is_needed: bool) -> Self {
        Self {
            is_needed,
            drawn: RefCell::default(),
        }
    }

    /// Called before a line is drawn, with its prompt's width, the cursor, and what is shown behind it.
    pub(super) fn before_drawing(&self, prompt: usize, line: &str, at: usize, hint: &str) {
        let columns = match self.is_needed {
            true => width_of(&Term::stdout()),
            false => None,
        };
        let Some(columns) = columns else {
            return;
        };
        let mut drawn = self.drawn.borrow_mut();
        let is_same = drawn.prompt == prompt && drawn.line == line;
        if is_same {
            // The cursor moves without a drawing.
            drawn.at = at;
        }
        if drawn.columns != columns && drawn.columns > 0 {
            let sequence = repairs(&drawn, columns);
            // A terminal that is gone fails where the line is drawn.
            let _ = std::io::stdout()
                .write_all(sequence.as_bytes())
                .and_then(|()| std::io::stdout().flush());
        }
        // The editor draws an unchanged line again when it has taken in the new width; before that, keys
        // that were typed earlier are still drawn for the old one.
        if is_same || drawn.columns == 0 {
            drawn.columns = columns;
        }
        drawn.prompt = prompt;
        line.clone_into(&mut drawn.line);
        drawn.at = at;
        hint.clone_into(&mut drawn.hint);
    }

    /// A new line begins, in the terminal as it is.
    pub(super) fn begin(&self) {
        self.drawn.replace(Drawn::default());
    }
}

/// What clears a drawing that the terminal has wrapped at `columns`, and leaves the cursor where it would
/// be had nothing been wrapped.
fn repairs(drawn: &Drawn, columns: usize) -> String {
    let rows = |text: &[&str], columns| rows(drawn.prompt, text, columns);
    let before = &drawn.line[..drawn.at];
    let (cursor, end) = (
        rows(&[before], drawn.columns),
        rows(&[&drawn.line, &drawn.hint], drawn.columns),
    );
    // Behind a last row that is full the editor goes on to the next, which the terminal does not.
    let is_last = drawn.at == drawn.line.len() && drawn.hint.is_empty();
    let now = match extent(drawn.prompt, &[before], columns) {
        (row, column) if column < columns || is_last => row,
        (row, _) => row + 1,
    };
    if end == 0 && rows(&[&drawn.line, &drawn.hint], columns) == 0 {
        return String::new();
    }
    let mut sequence = String::new();
    if now > 0 {
        sequence.push_str(&format!("\x1b[{now}A"));
    }
    sequence.push_str("\r\x1b[J");
    // At the bottom of the screen there is no room below until lines scroll up.
    sequence.push_str(&"\n".repeat(end));
    if end > cursor {
        sequence.push_str(&format!("\x1b[{}A", end - cursor));
    }
    sequence
}

/// In which row, counted from that of the prompt, a text behind it ends.
fn rows(prompt: usize, texts: &[&str], columns: usize) -> usize {
    match extent(prompt, texts, columns) {
        (row, column) if column < columns => row,
        (row, _) => row + 1,
    }
}

/// The row in which such a text ends, and how many of its columns are taken: all, if it just fits.
fn extent(prompt: usize, texts: &[&str], columns: usize) -> (usize, usize) {
    let (mut row, mut column) = (prompt / columns.max(1), prompt % columns.max(1));
    for c in texts.iter().flat_map(|text| text.chars()) {
        if c == '\n' {
            (row, column) = (row + 1, 0);
            continue;
        }
        let width = c.width().unwrap_or(0);
        column += width;
        if column > columns {
            (row, column) = (row + 1, width);
        }
    }
    (row, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_the_terminal_wraps() {
        assert_eq!(rows(10, &["a".repeat(69).as_str()], 80), 0);
        assert_eq!(rows(10, &["a".repeat(70).as_str()], 80), 1);
        assert_eq!(rows(10, &["a".repeat(71).as_str()], 80), 1);
        assert_eq!(rows(10, &["数".repeat(36).as_str()], 80), 1);
        assert_eq!(rows(3, &["a\nb\n", "c"], 80), 2);
    }

    #[test]
    fn what_was_wrapped_is_cleared_and_the_cursor_is_where_it_was() {
        let line = "x".repeat(95);
        let drawn = |at| Drawn {
            columns: 80,
            prompt: 10,
            line: line.clone(),
            at,
            hint: String::new(),
        };
        // 105 columns are two rows of 80 and three of 50.
        assert_eq!(repairs(&drawn(95), 50), "\x1b[2A\r\x1b[J\n");
        assert_eq!(repairs(&drawn(0), 50), "\r\x1b[J\n\x1b[1A");
        assert_eq!(repairs(&drawn(95), 200), "\r\x1b[J\n");
        // 105 columns just fit: the cursor stays behind them, unless there is more.
        assert_eq!(repairs(&drawn(95), 105), "\r\x1b[J\n");
        let more = Drawn {
            line: "x".repeat(120),
            ..drawn(95)
        };
        assert_eq!(repairs(&more, 105), "\x1b[1A\r\x1b[J\n");
        let short = Drawn {
            line: "x".to_owned(),
            at: 1,
            ..drawn(0)
        };
        assert_eq!(repairs(&short, 50), "");
    }
}
