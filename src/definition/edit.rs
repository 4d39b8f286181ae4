//! Definitions → TOML: an existing text is changed in place, so that its comments and its order
//! stay.

use chrono::{DateTime, SecondsFormat, Utc};
use toml_edit::{ArrayOfTables, Datetime, DocumentMut, InlineTable, Item, Table, Value};

use super::format::TableFormat;
use super::rule::{Rule, RuleAction, Severity};
use super::table::{Column, ExternalTable, ManagedTable, TableDefinition, TableKind};
use super::types::type_text;
use crate::error::{Code, Error, Result};
use crate::syntax::Expectation;

/// The text of `definition`'s file. `existing` is the file's text so far, whose comments, order and
/// layout are kept where what they belong to is still there.
///
/// # Errors
/// [`Code::Internal`] if `existing` is not TOML: only a text that was read is changed.
pub fn write_table(existing: &str, definition: &TableDefinition) -> Result<String> {
    let mut document: DocumentMut = existing
        .parse()
        .map_err(|error: toml_edit::TomlError| Error::new(Code::Internal, error.message().to_owned()))?;
    let file = document.as_table_mut();
    set(file, "name", Some(definition.name.as_str().into()));
    set(file, "comment", definition.comment.as_deref().map(Value::from));
    set(file, "owner", definition.owner.as_deref().map(Value::from));
    set_map(file, "tags", &definition.tags);
    set(file, "created_at", definition.created_at.and_then(moment));
    set(file, "updated_at", definition.updated_at.and_then(moment));
    match &definition.kind {
        TableKind::External(table) => set_external(file, table),
        TableKind::Managed(table) => set_managed(file, table),
        TableKind::View(view) => {
            for key in [
                "format",
                "location",
                "options",
                "columns",
                "partition_columns",
                "sorted_by",
                "on_cast_error",
            ] {
                file.remove(key);
            }
            set(
                file,
                "default_zone",
                view.default_zone.as_deref().map(Value::from),
            );
            set(file, "query", Some(multiline(&view.query)));
        }
    }
    set_rules(file, &definition.rules);
    Ok(document.to_string())
}

fn set_managed(file: &mut Table, table: &ManagedTable) {
    for key in ["query", "default_zone", "options", "columns", "partition_columns"] {
        file.remove(key);
    }
    set(file, "format", Some(TableFormat::Delta.name().into()));
    set(file, "location", Some(table.location.as_str().into()));
    let sorted_by: toml_edit::Array = table.sorted_by.iter().map(String::as_str).collect();
    set(
        file,
        "sorted_by",
        (!sorted_by.is_empty()).then(|| sorted_by.into()),
    );
    let on_cast_error = table.quarantines_cast_errors.then(|| "quarantine".into());
    set(file, "on_cast_error", on_cast_error);
}

fn set_external(file: &mut Table, table: &ExternalTable) {
    for key in ["query", "default_zone", "sorted_by", "on_cast_error"] {
        file.remove(key);
    }
    set(file, "format", Some(table.format.name().into()));
    set(file, "location", Some(table.location.as_str().into()));
    set_map(file, "options", &table.options);
    set_columns(file, "columns", &table.columns);
    set_columns(file, "partition_columns", &table.partition_columns);
}

/// Sets a value and keeps what stands around the old one; `None` takes the key out.
fn set(table: &mut Table, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            if old.to_string() != value.to_string() {
                *old = value;
            }
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Sets a table of texts, inline where it is new.
fn set_map(file: &mut Table, key: &str, values: &std::collections::BTreeMap<String, String>) {
    if values.is_empty() {
        file.remove(key);
        return;
    }
    let item = file
        .entry(key)
        .or_insert_with(|| Item::Value(Value::InlineTable(InlineTable::new())));
    let Some(table) = item.as_table_like_mut() else {
        return;
    };
    let gone: Vec<String> = table
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| !values.contains_key(key))
        .collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, value) in values {
        let same = table
            .get(key)
            .and_then(Item::as_value)
            .is_some_and(|old| text_of(old) == *value);
        if !same {
            table.insert(key, Item::Value(Value::from(value.as_str())));
        }
    }
}

/// An option's value as text, whether it is written as text, number or truth value.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        other => other.to_string().trim().to_owned(),
    }
}

/// Sets a list of columns. A column that stays keeps its own text's comments.
fn set_columns(file: &mut Table, key: &str, columns: &[Column]) {
    if columns.is_empty() {
        file.remove(key);
        return;
    }
    let mut old = tables_of(file.remove(key));
    let mut tables = ArrayOfTables::new();
    for column in columns {
        let known = old.iter().position(|table| names(table, &column.name));
        let mut table = known.map_or_else(Table::new, |i| old.remove(i));
        table.set_position(None);
        set(&mut table, "name", Some(column.name.as_str().into()));
        set(&mut table, "type", Some(type_text(&column.data_type).into()));
        set(&mut table, "nullable", (!column.nullable).then(|| false.into()));
        set(&mut table, "source", column.source.as_deref().map(Value::from));
        set(&mut table, "comment", column.comment.as_deref().map(Value::from));
        tables.push(table);
    }
    file.insert(key, Item::ArrayOfTables(tables));
}

/// Sets the rules. One that stays keeps its own text's comments, and what it says in other words.
fn set_rules(file: &mut Table, rules: &[Rule]) {
    let mut old = tables_of(file.remove("rules"));
    if rules.is_empty() {
        return;
    }
    let mut tables = ArrayOfTables::new();
    for rule in rules {
        let known = old.iter().position(|table| names(table, &rule.name));
        let mut table = known.map_or_else(Table::new, |i| old.remove(i));
        table.set_position(None);
        set(&mut table, "name", Some(rule.name.as_str().into()));
        set_same(&mut table, "expect", rule.expectation.to_string(), |text| {
            Expectation::parse(text).is_ok_and(|known| known == rule.expectation)
        });
        let filter = rule.filter.as_ref().map(|filter| filter.sql.as_str().into());
        set(&mut table, "where", filter);
        set_same(&mut table, "on_violation", rule.action.to_string(), |text| {
            text.parse().is_ok_and(|known: RuleAction| known == rule.action)
        });
        if table.contains_key("severity") || rule.severity != Severity::Error {
            set(&mut table, "severity", Some(rule.severity.name().into()));
        }
        let dimension = rule.given_dimension.map(|dimension| dimension.name().into());
        set(&mut table, "dimension", dimension);
        let threshold = table.get("threshold").and_then(Item::as_value);
        #[expect(clippy::cast_precision_loss, reason = "a share is written as 0 or 1")]
        let threshold = threshold.and_then(|value| value.as_float().or(value.as_integer().map(|n| n as f64)));
        if threshold != rule.given_threshold {
            set(&mut table, "threshold", rule.given_threshold.map(Value::from));
        }
        set(&mut table, "message", rule.message.as_deref().map(Value::from));
        for (key, fails) in [("nulls", rule.nulls_fail), ("blank", rule.blank_fails)] {
            let said = table.get(key).and_then(Item::as_str) == Some("fail");
            if said != fails {
                set(&mut table, key, fails.then(|| "fail".into()));
            }
        }
        tables.push(table);
    }
    file.insert("rules", Item::ArrayOfTables(tables));
}

/// Sets a text, unless the one that is there means the same.
fn set_same(table: &mut Table, key: &str, text: String, same: impl Fn(&str) -> bool) {
    if !table.get(key).and_then(Item::as_str).is_some_and(same) {
        set(table, key, Some(text.into()));
    }
}

fn tables_of(item: Option<Item>) -> Vec<Table> {
    match item {
        Some(Item::ArrayOfTables(tables)) => tables.into_iter().collect(),
        Some(Item::Value(Value::Array(values))) => values.into_iter().filter_map(inline_table).collect(),
        _ => Vec::new(),
    }
}

fn inline_table(value: Value) -> Option<Table> {
    match value {
        Value::InlineTable(table) => Some(table.into_table()),
        _ => None,
    }
}

fn names(table: &Table, name: &str) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name)
}

fn moment(time: DateTime<Utc>) -> Option<Value> {
    let text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    text.parse::<Datetime>().ok().map(Value::from)
}

/// A query reads better over several lines, as it was written.
fn multiline(query: &str) -> Value {
    let literal = format!("'''\n{query}'''");
    let fits = !query.contains("'''") && !query.ends_with('\'') && query.contains('\n');
    match literal.parse::<Value>() {
        Ok(value) if fits => value,
        _ => Value::from(query),
    }
}
