//! Completion: what Tab offers.
//!
//! [`context`] says what could stand at the cursor, [`Names`] which names there are. Nothing is
//! offered inside a quote or a comment.

mod context;
mod metadata;
mod tables;

use std::collections::BTreeSet;

use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS};

pub(super) use metadata::{Metadata, texts};

use self::context::{Context, Wants, words_after_value};
use super::command::{Argument, COMMANDS, find};
use super::input;
use super::words::EXPRESSIONS;
use crate::error::Code;
use crate::render::Format;

/// The names that there are in a lake. Each list may be empty because it is not known yet.
pub(super) trait Names {
    /// Zone and name of each table and view.
    fn tables(&self) -> Vec<(String, String)>;
    /// The columns of a table; without a zone, of the current one.
    fn columns(&self, zone: Option<&str>, table: &str) -> Vec<String>;
    fn functions(&self) -> Vec<String>;
    fn settings(&self) -> Vec<String>;
    fn current_zone(&self) -> String;
}

/// What could be there instead of what is typed from byte `start` on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    pub start: usize,
    pub candidates: Vec<String>,
    /// Whether the word is a file's name, which the caller knows how to complete.
    pub is_file: bool,
}

const SYSTEM: &str = "system";
const SYSTEM_TABLES: &[&str] = &["columns", "functions", "settings", "tables"];
/// What every setting's name begins with; it may be left out.
const SETTING_PREFIX: &str = "datafusion.";

/// Completes the word before byte `at`.
pub(super) fn complete(text: &str, at: usize, names: &dyn Names) -> Completion {
    let (part, is_command) = input::part_at(text, at);
    let start = part.start.min(at);
    if is_command {
        return command(text, start, at, names);
    }
    let context = Context::new(&text[start..part.end.max(at)], at - start);
    let (word, candidates) = sql(&context, names);
    Completion {
        start: start + word,
        candidates,
        is_file: false,
    }
}

/// Candidates in the order in which they were added, each once, only those that begin as typed.
struct Candidates<'a> {
    prefix: &'a str,
    found: Vec<String>,
    seen: BTreeSet<String>,
}

impl<'a> Candidates<'a> {
    fn new(prefix: &'a str) -> Self {
        Self {
            prefix,
            found: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Adds `text` if what is typed begins `name`.
    fn add(&mut self, name: &str, text: String) {
        let begins = name
            .get(..self.prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(self.prefix));
        if begins && self.seen.insert(text.clone()) {
            self.found.push(text);
        }
    }

    fn names<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            self.add(name, identifier(name));
        }
    }

    /// Keywords, in the case of what is typed.
    fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) {
        let is_lower = self.prefix.starts_with(|c: char| c.is_lowercase());
        for word in words {
            let text = if is_lower {
                word.to_lowercase()
            } else {
                word.to_owned()
            };
            self.add(word, text);
        }
    }
}

fn sql(context: &Context, names: &dyn Names) -> (usize, Vec<String>) {
    let mut candidates = Candidates::new(&context.prefix);
    match context.wants {
        Wants::Nothing => {}
        Wants::Setting(words) => return settings(context, words, names),
        Wants::Words(words) if context.qualifiers.is_empty() => candidates.words(words.iter().copied()),
        Wants::Zone => zones(names, "", &mut candidates),
        Wants::Table => relations(context, names, &mut candidates),
        Wants::Target => columns(context.tables.first().as_slice(), names, &mut candidates),
        Wants::Value => value(context, names, &mut candidates),
        Wants::AfterValue if context.qualifiers.is_empty() => candidates.words(words_after_value()),
        Wants::Words(_) | Wants::AfterValue => {}
    }
    (context.start, candidates.found)
}

fn zones(names: &dyn Names, end: &str, candidates: &mut Candidates<'_>) {
    let mut zones: BTreeSet<String> = names.tables().into_iter().map(|(zone, _)| zone).collect();
    zones.insert(names.current_zone());
    if !end.is_empty() {
        zones.insert(SYSTEM.to_owned());
    }
    for zone in zones {
        candidates.add(&zone, identifier(&zone) + end);
    }
}

/// Tables of the current zone, the other zones, and the queries of WITH; behind `zone.`, its tables.
fn relations(context: &Context, names: &dyn Names, candidates: &mut Candidates<'_>) {
    let current = names.current_zone();
    let zone = match context.qualifiers.as_slice() {
        [] => &current,
        [.., zone] => zone,
    };
    if context.qualifiers.is_empty() {
        candidates.names(context.ctes.iter().map(String::as_str));
    }
    for (_, table) in names.tables().iter().filter(|(of, _)| of == zone) {
        candidates.names([table.as_str()]);
    }
    if zone == SYSTEM {
        candidates.names(SYSTEM_TABLES.iter().copied());
    }
    if context.qualifiers.is_empty() {
        zones(names, ".", candidates);
    }
}

fn columns<'t>(
    tables: impl IntoIterator<Item = &'t &'t tables::TableUse>,
    names: &dyn Names,
    candidates: &mut Candidates<'_>,
) {
    for table in tables {
        let columns = names.columns(table.zone.as_deref(), &table.table);
        candidates.names(columns.iter().map(String::as_str));
    }
}

fn value(context: &Context, names: &dyn Names, candidates: &mut Candidates<'_>) {
    match context.qualifiers.as_slice() {
        [] => {}
        [name] => {
            let meant: Vec<_> = context.tables.iter().filter(|t| t.answers_to(name)).collect();
            return columns(&meant, names, candidates);
        }
        [.., zone, table] => {
            let columns = names.columns(Some(zone), table);
            return candidates.names(columns.iter().map(String::as_str));
        }
    }
    let tables: Vec<_> = context.tables.iter().collect();
    columns(&tables, names, candidates);
    let aliases = context.tables.iter().filter_map(|table| table.alias.as_deref());
    for name in aliases {
        candidates.add(name, format!("{}.", identifier(name)));
    }
    // Before anything is typed, hundreds of functions would bury the columns.
    if context.prefix.is_empty() && !candidates.found.is_empty() {
        return;
    }
    for name in names.functions() {
        candidates.add(&name, format!("{name}("));
    }
    candidates.words(EXPRESSIONS.iter().copied());
    candidates.words(["FROM", "SELECT"]);
}

/// A setting's name has periods in it; its first part may be left out.
fn settings(context: &Context, words: &'static [&'static str], names: &dyn Names) -> (usize, Vec<String>) {
    let before: usize = context.qualifiers.iter().map(|part| part.len() + 1).sum();
    let mut typed = context.qualifiers.join(".");
    if !context.qualifiers.is_empty() {
        typed.push('.');
    }
    typed.push_str(&context.prefix);
    let mut candidates = Candidates::new(&typed);
    candidates.words(words.iter().copied());
    for name in names.settings() {
        let short = name.strip_prefix(SETTING_PREFIX).unwrap_or(&name);
        candidates.add(short, short.to_owned());
        if !typed.is_empty() {
            candidates.add(&name, name.clone());
        }
    }
    (context.start - before, candidates.found)
}

fn command(text: &str, start: usize, at: usize, names: &dyn Names) -> Completion {
    let typed = &text[start..at];
    let Some(space) = typed.find(char::is_whitespace) else {
        let mut candidates = Candidates::new(typed);
        for command in COMMANDS {
            let name = format!(".{}", command.name);
            let space = if command.argument == Argument::Nothing {
                ""
            } else {
                " "
            };
            candidates.add(&name, format!("{name}{space}"));
        }
        return Completion {
            start,
            candidates: candidates.found,
            is_file: false,
        };
    };
    let argument = typed[space..].trim_start();
    let kind = find(&typed[..space]).map_or(Argument::Nothing, |command| command.argument);
    let mut candidates = Candidates::new(argument);
    let mut add_all = |texts: &mut dyn Iterator<Item = String>| {
        for text in texts {
            candidates.add(&text, text.clone());
        }
    };
    match kind {
        Argument::Command => {
            add_all(&mut COMMANDS.iter().map(|command| command.name.to_owned()));
            if !argument.is_empty() {
                add_all(&mut Code::ALL.iter().map(|code| code.as_str().to_owned()));
            }
        }
        Argument::Format => add_all(&mut Format::ALL.iter().map(|format| format.name().to_owned())),
        Argument::Switch => add_all(&mut ["off", "on"].into_iter().map(str::to_owned)),
        Argument::Function => add_all(&mut names.functions().into_iter()),
        Argument::Table => add_all(&mut tables_by_full_name(names).into_iter()),
        Argument::Nothing | Argument::File | Argument::Text => {}
    }
    Completion {
        start: at - argument.len(),
        candidates: candidates.found,
        is_file: kind == Argument::File,
    }
}

/// `zone.table` of all, and `table` of those in the current zone.
fn tables_by_full_name(names: &dyn Names) -> Vec<String> {
    let current = names.current_zone();
    let tables = names.tables();
    let short = tables.iter().filter(|(zone, _)| *zone == current);
    let short = short.map(|(_, table)| identifier(table));
    let full = tables
        .iter()
        .map(|(zone, table)| format!("{}.{}", identifier(zone), identifier(table)));
    short.chain(full).collect()
}

/// A name as SQL, with quotes only where it does not read as a name without them.
fn identifier(name: &str) -> String {
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
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests;
