//! The list of what could stand at the cursor.

use std::collections::BTreeSet;

use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS};

/// What could be there, and what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::repl) struct Candidate {
    pub text: String,
    /// What a list shows in place of the text.
    pub label: Option<String>,
    /// What a list says of it.
    pub note: String,
}

impl Candidate {
    /// What a list shows.
    pub(in crate::repl) fn shown(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.text).trim_end()
    }
}

/// Candidates in the order in which they were added, each once, only those that begin as typed.
pub(super) struct Candidates<'a> {
    prefix: &'a str,
    /// Whether a double quote has been typed: then there are only names, in quotes.
    is_quoted: bool,
    pub found: Vec<Candidate>,
    seen: BTreeSet<String>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(prefix: &'a str, is_quoted: bool) -> Self {
        Self {
            prefix,
            is_quoted,
            found: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Whether a name begins as typed.
    pub(super) fn fits(&self, name: &str) -> bool {
        let start = name.get(..self.prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(self.prefix))
    }

    fn add(&mut self, name: &str, text: String, label: Option<String>, note: String) {
        if self.fits(name) && self.seen.insert(text.clone()) {
            self.found.push(Candidate { text, label, note });
        }
    }

    /// A name of the lake, with what follows it, as SQL.
    pub(super) fn name(&mut self, name: &str, end: &str, note: String) {
        let text = match self.is_quoted {
            true => quoted(name),
            false => identifier(name),
        };
        self.add(name, text + end, None, note);
    }

    /// A text that is no name.
    pub(super) fn text(&mut self, text: String) {
        if !self.is_quoted {
            self.add(&text.clone(), text, None, String::new());
        }
    }

    pub(super) fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        for text in texts {
            self.text(text.to_owned());
        }
    }

    /// A text with a note.
    pub(super) fn described(&mut self, text: &str, note: String) {
        self.add(text, text.to_owned(), None, note);
    }

    /// A function, listed as it is called.
    pub(super) fn call(&mut self, name: &str, syntax: &str) {
        if !self.is_quoted {
            // Documentation is under one name, and a function may have several.
            let label = syntax.find('(').map(|open| format!("{name}{}", &syntax[open..]));
            self.add(name, format!("{name}("), label, String::new());
        }
    }

    /// Keywords, in the case of what is typed.
    pub(super) fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) {
        if self.is_quoted {
            return;
        }
        let is_lower = self.prefix.starts_with(|c: char| c.is_lowercase());
        for word in words {
            let text = if is_lower {
                word.to_lowercase()
            } else {
                word.to_owned()
            };
            self.add(word, text, None, String::new());
        }
    }
}

/// A name as SQL, with quotes only where it does not read as a name without them.
pub(super) fn identifier(name: &str) -> String {
    let dialect = GenericDialect {};
    let mut characters = name.chars();
    let is_word = characters.next().is_some_and(|c| dialect.is_identifier_start(c))
        && characters.all(|c| c.is_alphanumeric() || c == '_');
    let upper = name.to_uppercase();
    let is_reserved = ALL_KEYWORDS
        .binary_search(&upper.as_str())
        .is_ok_and(|i| RESERVED_FOR_COLUMN_ALIAS.contains(&ALL_KEYWORDS_INDEX[i]));
    if is_word && !is_reserved {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
