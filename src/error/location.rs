//! A place in a text, and the line with a caret under it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A place in a text: file, line and column (both from 1, in characters), the line itself, and how
/// many characters are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    file: Option<PathBuf>,
    line: usize,
    column: usize,
    text: String,
    length: usize,
}

/// A very long line is shown around the caret only, unless the terminal's width is known.
const SHOWN: usize = 160;
/// What stands before and behind a line that is cut.
const CUT: &str = "…";

impl Location {
    /// The place `line`:`column` (from 1) of `source`, `length` characters long. A place beyond the
    /// text is moved to its end.
    pub fn in_text(source: &str, line: usize, column: usize, length: usize) -> Self {
        let count = source.lines().count().max(1);
        let line = line.clamp(1, count);
        let text = source.lines().nth(line - 1).unwrap_or_default();
        let chars = text.chars().count();
        let column = column.clamp(1, chars + 1);
        let length = length.clamp(1, (chars + 1 - column).max(1));
        Self {
            file: None,
            line,
            column,
            text: text.to_owned(),
            length,
        }
    }

    /// A place that another program told, moved into the line that it told with it.
    pub(super) fn within_bounds(mut self) -> Self {
        let chars = self.text.chars().count();
        self.line = self.line.max(1);
        self.column = self.column.clamp(1, chars + 1);
        self.length = self.length.min((chars + 1 - self.column).max(1));
        self
    }

    /// The place of a byte range in `source`.
    pub fn of_bytes(source: &str, range: Range<usize>) -> Self {
        let start = floor_boundary(source, range.start);
        let end = floor_boundary(source, range.end.max(start));
        let before = &source[..start];
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = source[line_start..start].chars().count() + 1;
        Self::in_text(source, line, column, source[start..end].chars().count())
    }

    /// The same line and column of another text.
    #[must_use]
    pub fn of_text(&self, source: &str) -> Self {
        let place = Self::in_text(source, self.line, self.column, self.length);
        match self.length {
            0 => place.without_caret(),
            _ => place,
        }
    }

    /// The same place, said to be no nearer than the line: it has no caret.
    #[must_use]
    pub fn without_caret(mut self) -> Self {
        self.length = 0;
        self
    }

    /// The same place, in `file`.
    #[must_use]
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        self.set_file(file.as_ref());
        self
    }

    pub(super) fn set_file(&mut self, file: &Path) {
        self.file.get_or_insert_with(|| file.to_owned());
    }

    /// The file, if the text came from one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    pub fn column(&self) -> usize {
        self.column
    }
}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// `FILE:LINE:COLUMN`, the line, and a caret under the place.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.within(SHOWN))
    }
}

impl Location {
    /// What [`Display`](fmt::Display) writes, its line cut around the caret so that none is wider than
    /// `width` characters of a terminal.
    pub(super) fn within(&self, width: usize) -> String {
        let file = match &self.file {
            Some(file) => file.display().to_string(),
            None => "<sql>".to_owned(),
        };
        let gutter = self.line.to_string();
        let room = width.saturating_sub(gutter.len() + " | ".len()).max(NARROW);
        let text = self.text.replace('\t', " ");
        let (shown, lead) = around(&text, self.column - 1, room);
        let mut place = format!(
            "  --> {file}:{}:{}\n{gutter} | {}",
            self.line,
            self.column,
            shown.trim_end()
        );
        if self.length > 0 {
            let meant: String = text.chars().skip(self.column - 1).take(self.length).collect();
            let carets = meant.width().clamp(1, room.saturating_sub(lead).max(1));
            let space = " ".repeat(gutter.len());
            place.push_str(&format!("\n{space} | {}{}", " ".repeat(lead), "^".repeat(carets)));
        }
        place
    }
}

/// A line is shown at least so wide.
const NARROW: usize = 20;

/// The part of a line, `room` wide at most, that has its character `at`, and how wide what is before
/// that is.
fn around(text: &str, at: usize, room: usize) -> (String, usize) {
    let before: String = text.chars().take(at).collect();
    if text.width() <= room {
        return (text.to_owned(), before.width());
    }
    let room = room - 2 * CUT.width();
    let mut start = 0;
    if before.width() >= room / 2 {
        // As much before the place as behind it.
        let mut kept = 0;
        start = at;
        for c in before.chars().rev() {
            kept += c.width().unwrap_or(0);
            if kept > room / 2 {
                break;
            }
            start -= 1;
        }
    }
    let (mut shown, mut used) = (String::new(), 0);
    let mut rest = text.chars().skip(start).peekable();
    while let Some(c) = rest.next_if(|c| used + c.width().unwrap_or(0) <= room) {
        used += c.width().unwrap_or(0);
        shown.push(c);
    }
    let left = if start > 0 { CUT } else { "" };
    let right = if rest.peek().is_some() { CUT } else { "" };
    let lead: String = before.chars().skip(start).collect();
    (format!("{left}{shown}{right}"), left.width() + lead.width())
}
