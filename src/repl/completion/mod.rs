//! Completion: what Tab offers.
//!
//! [`context`] says what could stand at the cursor, [`Names`] which names there are. In a comment and in
//! a text that is no file's name nothing is offered.

mod candidates;
mod context;
mod forms;
mod metadata;
mod queries;
mod tables;

use std::collections::BTreeSet;

use indicatif::HumanCount;
use sqlparser::tokenizer::Token;

pub(super) use candidates::Candidate;
pub(super) use metadata::{Metadata, texts};

use self::candidates::{Candidates, identifier};
use self::context::{Context, Wants, words_after_value};
use self::queries::{Item, Query};
use self::tables::TableUse;
use super::command::{Argument, COMMANDS, find};
use super::input;
use super::lexer::Lexed;
use super::words::EXPRESSIONS;
use crate::engine::{INFORMATION_SCHEMA_TABLES, SYSTEM_TABLES};
use crate::error::Code;
use crate::render::Format;
use crate::syntax::quote;
use crate::table::{external, managed};

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub zone: String,
    pub name: String,
    /// `external parquet`, `view`.
    pub kind: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    pub data_type: String,
}

/// A name, and a short text about it.
pub(super) type Described = (String, String);

/// The names that there are in a lake. Each list may be empty because it is not known yet.
pub(super) trait Names {
    fn tables(&self) -> Vec<Table>;
    /// How many rows a table has, if that costs little to know.
    fn rows(&self, table: &Table) -> Option<u64>;
    /// The columns of a table; without a zone, of the current one.
    fn columns(&self, zone: Option<&str>, table: &str) -> Vec<Column>;
    /// Those of expressions, each with how it is called: `lower(str)`.
    fn functions(&self) -> Vec<Described>;
    /// Those that give tables.
    fn table_functions(&self) -> Vec<Described>;
    /// Each with its value.
    fn settings(&self) -> Vec<Described>;
    fn current_zone(&self) -> String;
}

/// What could be there instead of what is typed from byte `start` on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    pub start: usize,
    pub candidates: Vec<Candidate>,
    /// Whether the word is a file's name, which the caller knows how to complete.
    pub is_file: bool,
}

/// The schemas that every lake has, and their tables.
const SCHEMAS: &[(&str, &[&str])] = &[
    ("information_schema", INFORMATION_SCHEMA_TABLES),
    ("system", SYSTEM_TABLES),
];
/// What stands behind the `$` of a table's own tables.
const OWN_TABLES: &[(&str, &[&str])] = &[("external", external::METADATA), ("managed", managed::METADATA)];
/// What settings' names begin with; it may be left out.
const SETTING_PREFIXES: &[&str] = &["datafusion.", "weir."];
/// Of so many tables the rows are told; of more it would take too long.
const COUNTED: usize = 24;
/// How deep queries within queries are looked into.
const DEPTH: usize = 8;

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
        is_file: context.wants == Wants::File,
    }
}

/// How the function is called whose arguments are being typed at the end of `text`.
pub(super) fn signature(text: &str, names: &dyn Names) -> Option<String> {
    let lexed = Lexed::new(text);
    let lexemes: Vec<_> = lexed.significant().collect();
    let mut open = Vec::new();
    for (i, lexeme) in lexemes.iter().enumerate() {
        match lexeme.token {
            Token::LParen => open.push(i),
            Token::RParen => drop(open.pop()),
            Token::SemiColon => open.clear(),
            _ => {}
        }
    }
    let name = lexemes.get(open.last()?.checked_sub(1)?)?.bare_word()?;
    let functions = names.functions().into_iter().chain(names.table_functions());
    let (_, syntax) = functions
        .filter(|(_, syntax)| !syntax.is_empty())
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(syntax)
}

fn sql(context: &Context, names: &dyn Names) -> (usize, Vec<Candidate>) {
    let mut candidates = Candidates::new(&context.prefix, context.is_quoted);
    match &context.wants {
        Wants::Nothing | Wants::File => {}
        Wants::Setting(words) => return settings(context, words, names),
        Wants::Words(words) if context.qualifiers.is_empty() => {
            candidates.words(words.iter().map(String::as_str));
        }
        Wants::Zone => zones(names, "", &mut candidates),
        Wants::Table(words) => {
            relations(context, names, &mut candidates);
            if context.qualifiers.is_empty() {
                candidates.words(words.iter().map(String::as_str));
            }
        }
        Wants::Target => columns(context.tables.first().as_slice(), context, names, &mut candidates),
        Wants::Shared => shared(context, names, &mut candidates),
        Wants::SettingValue(name) => setting_values(name, names, &mut candidates),
        Wants::Value => value(context, names, &mut candidates),
        Wants::AfterValue if context.qualifiers.is_empty() => candidates.words(words_after_value()),
        Wants::Words(_) | Wants::AfterValue => {}
    }
    (context.start, candidates.found)
}

fn zones(names: &dyn Names, end: &str, candidates: &mut Candidates<'_>) {
    let mut zones: BTreeSet<String> = names.tables().into_iter().map(|table| table.zone).collect();
    zones.insert(names.current_zone());
    if !end.is_empty() {
        zones.extend(SCHEMAS.iter().map(|(name, _)| (*name).to_owned()));
    }
    for zone in zones {
        candidates.name(&zone, end, String::new());
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
        for query in context.queries.iter().filter(|query| query.is_cte) {
            candidates.name(&query.name, "", "a query of this statement".to_owned());
        }
    }
    let tables = names.tables();
    let fitting = tables
        .iter()
        .filter(|table| table.zone == *zone && candidates.fits(&table.name));
    let fitting: Vec<&Table> = fitting.collect();
    let are_counted = fitting.len() <= COUNTED;
    for table in fitting {
        let rows = are_counted.then(|| names.rows(table)).flatten();
        let note = match rows {
            Some(1) => format!("{}, 1 row", table.kind),
            Some(rows) => format!("{}, {} rows", table.kind, HumanCount(rows)),
            None => table.kind.clone(),
        };
        candidates.name(&table.name, "", note);
    }
    let schemas = SCHEMAS.iter().filter(|(name, _)| zone == name);
    for name in schemas.flat_map(|(_, tables)| tables.iter()) {
        candidates.name(name, "", String::new());
    }
    own_tables(
        context,
        tables.iter().filter(|table| table.zone == *zone),
        candidates,
    );
    if context.qualifiers.is_empty() {
        zones(names, ".", candidates);
        // Before anything is typed they would bury the tables.
        if !context.prefix.is_empty() {
            for (name, syntax) in names.table_functions() {
                candidates.call(&name, &syntax);
            }
        }
    }
}

/// `events$files` and the like, once the `$` is typed.
fn own_tables<'t>(
    context: &Context,
    tables: impl Iterator<Item = &'t Table>,
    candidates: &mut Candidates<'_>,
) {
    let Some((typed, _)) = context.prefix.split_once('$') else {
        return;
    };
    for table in tables.filter(|table| table.name.eq_ignore_ascii_case(typed)) {
        let own = OWN_TABLES.iter().filter(|(kind, _)| table.kind.starts_with(kind));
        for name in own.flat_map(|(_, names)| names.iter()) {
            candidates.described(&format!("{}${name}", table.name), String::new());
        }
    }
}

fn columns(tables: &[&TableUse], context: &Context, names: &dyn Names, candidates: &mut Candidates<'_>) {
    for table in tables {
        let of = table.called();
        for column in columns_of(table, &context.queries, names, DEPTH) {
            let note = match (column.data_type.as_str(), tables.len()) {
                ("", _) if of.is_empty() => String::new(),
                ("", _) => format!("of {of}"),
                (data_type, 1) => data_type.to_owned(),
                (data_type, _) if of.is_empty() => data_type.to_owned(),
                (data_type, _) => format!("{data_type} of {of}"),
            };
            candidates.name(&column.name, "", note);
        }
    }
}

/// The columns of a table, or of the query of this statement that is called so.
fn columns_of(table: &TableUse, queries: &[Query], names: &dyn Names, depth: usize) -> Vec<Column> {
    let query = queries
        .iter()
        .find(|query| table.zone.is_none() && query.name.eq_ignore_ascii_case(&table.table));
    let Some(query) = query else {
        return names.columns(table.zone.as_deref(), &table.table);
    };
    let mut columns = Vec::new();
    for item in &query.items {
        match item {
            Item::Named(name) => columns.push(Column {
                name: name.clone(),
                data_type: String::new(),
            }),
            Item::Star(of) => {
                let is_meant = |table: &&TableUse| of.as_ref().is_none_or(|of| table.answers_to(of));
                for table in query.tables.iter().filter(is_meant) {
                    // A query that reads itself has no end.
                    if depth > 0 && !table.table.eq_ignore_ascii_case(&query.name) {
                        columns.extend(columns_of(table, queries, names, depth - 1));
                    }
                }
            }
        }
    }
    columns
}

fn value(context: &Context, names: &dyn Names, candidates: &mut Candidates<'_>) {
    match context.qualifiers.as_slice() {
        [] => {}
        [name] => {
            let meant: Vec<_> = context.tables.iter().filter(|t| t.answers_to(name)).collect();
            return columns(&meant, context, names, candidates);
        }
        [.., zone, table] => {
            for column in names.columns(Some(zone), table) {
                candidates.name(&column.name, "", column.data_type);
            }
            return;
        }
    }
    if context.begins_condition {
        conditions(context, names, candidates);
    }
    let tables: Vec<_> = context.tables.iter().collect();
    columns(&tables, context, names, candidates);
    let aliases = context.tables.iter().filter_map(|table| table.alias.as_deref());
    for name in aliases {
        candidates.name(name, ".", String::new());
    }
    // Before anything is typed, hundreds of functions would bury the rest.
    if context.prefix.is_empty() && !candidates.found.is_empty() {
        return;
    }
    if !context.prefix.is_empty() {
        for (name, syntax) in names.functions() {
            candidates.call(&name, &syntax);
        }
    }
    candidates.words(EXPRESSIONS.iter().copied());
    candidates.words(["FROM", "SELECT"]);
}

/// The columns that the table before the cursor shares with those before it: the other table, its
/// column, and the last table's. What names a thing joins and comes first; what describes it may be shared
/// by chance.
fn shared_columns<'c>(context: &'c Context, names: &dyn Names) -> Vec<(&'c TableUse, Column, Column)> {
    let Some((joined, before)) = context.tables_before.split_last() else {
        return Vec::new();
    };
    let theirs = columns_of(joined, &context.queries, names, DEPTH);
    let mut shared = Vec::new();
    for table in before {
        for column in columns_of(table, &context.queries, names, DEPTH) {
            let same = theirs
                .iter()
                .find(|other| other.name.eq_ignore_ascii_case(&column.name));
            shared.extend(same.map(|same| (table, column, same.clone())));
        }
    }
    shared.sort_by_key(|(_, column, _)| !column.name.to_lowercase().ends_with("id"));
    shared
}

/// Behind `JOIN b ON`: a condition for each of them.
fn conditions(context: &Context, names: &dyn Names, candidates: &mut Candidates<'_>) {
    let Some(joined) = context.tables_before.last() else {
        return;
    };
    for (table, column, same) in shared_columns(context, names) {
        candidates.text(format!(
            "{}.{} = {}.{}",
            identifier(table.called()),
            identifier(&column.name),
            identifier(joined.called()),
            identifier(&same.name)
        ));
    }
}

/// Behind `USING (`: each of them.
fn shared(context: &Context, names: &dyn Names, candidates: &mut Candidates<'_>) {
    for (_, column, _) in shared_columns(context, names) {
        candidates.name(&column.name, "", column.data_type);
    }
}

/// The value that a setting has, and those that it could have.
fn setting_values(name: &str, names: &dyn Names, candidates: &mut Candidates<'_>) {
    let settings = names.settings();
    let is_meant = |known: &str| {
        let short = SETTING_PREFIXES
            .iter()
            .find_map(|prefix| known.strip_prefix(prefix));
        known.eq_ignore_ascii_case(name) || short.is_some_and(|short| short.eq_ignore_ascii_case(name))
    };
    let Some((_, value)) = settings.into_iter().find(|(known, _)| is_meant(known)) else {
        return;
    };
    let now = |text: &str| match text == value {
        true => "as it is".to_owned(),
        false => String::new(),
    };
    if value.parse::<bool>().is_ok() {
        for text in ["false", "true"] {
            candidates.described(text, now(text));
        }
    } else if value.parse::<f64>().is_ok() {
        candidates.described(&value, now(&value));
    } else if !value.is_empty() {
        candidates.described(&quote::literal(&value), now(&value));
    }
}

/// A setting's name has periods in it; its first part may be left out.
fn settings(context: &Context, words: &[String], names: &dyn Names) -> (usize, Vec<Candidate>) {
    let before: usize = context.qualifiers.iter().map(|part| part.len() + 1).sum();
    let mut typed = context.qualifiers.join(".");
    if !context.qualifiers.is_empty() {
        typed.push('.');
    }
    typed.push_str(&context.prefix);
    let mut candidates = Candidates::new(&typed, false);
    candidates.words(words.iter().map(String::as_str));
    for (name, value) in names.settings() {
        let short = SETTING_PREFIXES
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        if let Some(short) = short {
            candidates.described(short, value.clone());
        }
        if short.is_none() || !typed.is_empty() {
            candidates.described(&name, value);
        }
    }
    (context.start - before, candidates.found)
}

fn command(text: &str, start: usize, at: usize, names: &dyn Names) -> Completion {
    let typed = &text[start..at];
    let Some(space) = typed.find(char::is_whitespace) else {
        let mut candidates = Candidates::new(typed, false);
        for command in COMMANDS {
            let space = if command.argument == Argument::Nothing {
                ""
            } else {
                " "
            };
            let name = format!(".{}{space}", command.name);
            candidates.described(&name, command.summary.to_owned());
        }
        return Completion {
            start,
            candidates: candidates.found,
            is_file: false,
        };
    };
    let argument = typed[space..].trim_start();
    let kind = find(&typed[..space]).map_or(Argument::Nothing, |command| command.argument);
    let mut candidates = Candidates::new(argument, false);
    match kind {
        Argument::Command => {
            for command in COMMANDS {
                candidates.described(command.name, command.summary.to_owned());
            }
            if !argument.is_empty() {
                for code in Code::ALL {
                    candidates.described(code.as_str(), code.meaning().to_owned());
                }
            }
        }
        Argument::Format => candidates.texts(Format::ALL.iter().map(|format| format.name())),
        Argument::Words(words) => candidates.texts(words.iter().copied()),
        Argument::Function => {
            for (name, syntax) in names.functions() {
                candidates.described(&name, syntax);
            }
        }
        Argument::Table => {
            for (name, kind) in tables_by_full_name(names) {
                candidates.described(&name, kind);
            }
        }
        Argument::Statement => return statement(text, at - argument.len(), at, names),
        Argument::Nothing | Argument::File | Argument::Text => {}
    }
    Completion {
        start: at - argument.len(),
        candidates: candidates.found,
        is_file: kind == Argument::File,
    }
}

/// SQL behind a command, and what else it may begin with.
fn statement(text: &str, start: usize, at: usize, names: &dyn Names) -> Completion {
    let typed = &text[start..at];
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    // A word of the command's own, or a number, stands before the statement.
    let first = typed.split_whitespace().next().unwrap_or_default();
    let is_own = first.eq_ignore_ascii_case("analyze") || first.parse::<f64>().is_ok();
    let skipped = match is_own && typed.len() > first.len() {
        true => typed.len() - typed[first.len()..].trim_start().len(),
        false => 0,
    };
    let begin = start + skipped;
    let context = Context::new(&text[begin..end], at - begin);
    let (word, mut candidates) = sql(&context, names);
    if skipped == 0 && text[..start].trim_start().starts_with(".explain") {
        let mut own = Candidates::new(typed, false);
        own.texts(["analyze"]);
        candidates.splice(0..0, own.found);
    }
    Completion {
        start: begin + word,
        candidates,
        is_file: context.wants == Wants::File,
    }
}

/// `zone.table` of all, and `table` of those in the current zone.
fn tables_by_full_name(names: &dyn Names) -> Vec<Described> {
    let current = names.current_zone();
    let tables = names.tables();
    let short = tables.iter().filter(|table| table.zone == current);
    let short = short.map(|table| (identifier(&table.name), table.kind.clone()));
    let full = tables.iter().map(|table| {
        let name = format!("{}.{}", identifier(&table.zone), identifier(&table.name));
        (name, table.kind.clone())
    });
    short.chain(full).collect()
}

#[cfg(test)]
mod tests;
