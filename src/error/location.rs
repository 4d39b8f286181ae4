//! A place in a text, and the line with a caret under it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

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

/// A very long line is shown around the caret only.
const SHOWN: usize = 160;

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
        self.length = self.length.clamp(1, (chars + 1 - self.column).max(1));
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
        Self::in_text(source, self.line, self.column, self.length)
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
        let file = match &self.file {
            Some(file) => file.display().to_string(),
            None => "<sql>".to_owned(),
        };
        writeln!(f, "  --> {file}:{}:{}", self.line, self.column)?;
        let skipped = (self.column - 1).saturating_sub(SHOWN / 2);
        let shown: String = self.text.chars().skip(skipped).take(SHOWN).collect();
        let shown = shown.replace('\t', " ");
        let lead: String = shown.chars().take(self.column - 1 - skipped).collect();
        let meant: String = shown
            .chars()
            .skip(self.column - 1 - skipped)
            .take(self.length)
            .collect();
        let gutter = self.line.to_string();
        let (left, right) = (
            if skipped > 0 { "… " } else { "" },
            if self.text.chars().count() > skipped + SHOWN {
                " …"
            } else {
                ""
            },
        );
        writeln!(f, "{gutter} | {left}{}{right}", shown.trim_end())?;
        write!(
            f,
            "{:gutter$} | {:lead$}{}",
            "",
            "",
            "^".repeat(meant.width().max(1)),
            gutter = gutter.len(),
            lead = left.width() + lead.width(),
        )
    }
}
