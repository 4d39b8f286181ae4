//! TOML → definitions, with the place of whatever is wrong.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_spanned::Spanned;
use toml_edit::Datetime;
use url::Url;

use super::format::{Format, TableFormat, TextOptions};
use super::lake::{LakeConfig, LakeLimits, ZoneDefinition};
use super::location::check_location;
use super::quantity::{duration_from_text, size_from_text};
use super::rule::Rule;
use super::table::{Column, ExternalTable, ManagedTable, TableDefinition, TableKind, View};
use super::types::type_from_text;
use crate::error::{Code, Error, Location, Result, did_you_mean};
use crate::storage::{StoreOptions, is_store_url};
use crate::syntax::{Expectation, Fragment, Script, Statement};

/// Schemas that are not zones.
const RESERVED: &[&str] = &["system", "information_schema"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LakeFile {
    zones: BTreeMap<Spanned<String>, ZoneFile>,
    #[serde(default)]
    limits: LimitsFile,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsFile {
    memory: Option<Spanned<String>>,
    running: Option<NonZeroUsize>,
    spill: Option<Spanned<String>>,
    spill_folder: Option<String>,
    statement_timeout: Option<Spanned<String>>,
    idle_timeout: Option<Spanned<String>>,
    statement_memory: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneFile {
    path: Spanned<String>,
    #[serde(default)]
    format: Option<Spanned<String>>,
    #[serde(default)]
    store: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    name: Option<Spanned<String>>,
    owner: Option<String>,
    comment: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    created_at: Option<Spanned<Datetime>>,
    updated_at: Option<Spanned<Datetime>>,
    format: Option<Spanned<String>>,
    location: Option<Spanned<String>>,
    #[serde(default)]
    options: BTreeMap<Spanned<String>, OptionValue>,
    #[serde(default)]
    columns: Vec<ColumnFile>,
    #[serde(default)]
    partition_columns: Vec<ColumnFile>,
    #[serde(default)]
    sorted_by: Vec<Spanned<String>>,
    on_cast_error: Option<Spanned<String>>,
    #[serde(default)]
    rules: Vec<RuleFile>,
    query: Option<Spanned<String>>,
    default_zone: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnFile {
    name: Spanned<String>,
    #[serde(rename = "type")]
    data_type: Spanned<String>,
    nullable: Option<bool>,
    comment: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    name: Spanned<String>,
    expect: Spanned<String>,
    r#where: Option<Spanned<String>>,
    on_violation: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
    dimension: Option<Spanned<String>>,
    threshold: Option<Spanned<Number>>,
    message: Option<Spanned<String>>,
    nulls: Option<Spanned<String>>,
    blank: Option<Spanned<String>>,
}

/// A number may be written as one that is whole.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Float(f64),
}

/// An option may be written as what it is: `has_header = true`.
#[derive(Deserialize)]
#[serde(untagged)]
enum OptionValue {
    Text(String),
    Boolean(bool),
    Integer(i64),
}

impl OptionValue {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
        }
    }
}

/// A file's text and name, for places.
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml_edit::de::from_str(self.text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or_default();
            let span = error.span().unwrap_or(0..0);
            match unknown_key(message) {
                Some((key, hint)) => self
                    .wrong(span, format!("there is no key '{key}' here"))
                    .with_hint(hint),
                None => self.wrong(span, message.replace('`', "'")),
            }
        })
    }

    fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> Error {
        Error::new(Code::InvalidDefinition, message).at(self.place(span))
    }

    fn place(&self, span: Range<usize>) -> Location {
        Location::of_bytes(self.text, span).in_file(self.file)
    }

    /// An error that a check gave, as one about this file.
    fn checked<T>(&self, span: Range<usize>, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            self.wrong(span, error.message().to_owned())
                .with_hint_if(error.hint().map(str::to_owned))
        })
    }
}

/// Serde says ``unknown field `colums`, expected one of `name`, `columns` ``.
fn unknown_key(message: &str) -> Option<(&str, String)> {
    let mut quoted = message
        .strip_prefix("unknown field")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    let hint = did_you_mean(unknown, &known).unwrap_or_else(|| format!("there are {}", known.join(", ")));
    Some((unknown, hint))
}

/// Reads `lake.toml`.
///
/// # Errors
/// [`Code::InvalidDefinition`] with the place.
pub fn read_lake(file: &Path, text: &str) -> Result<LakeConfig> {
    let source = Source { file, text };
    let parsed: LakeFile = source.parse()?;
    if parsed.zones.is_empty() {
        return Err(source
            .wrong(0..0, "a lake needs at least one zone")
            .with_hint("such as [zones.raw]"));
    }
    let mut zones: Vec<_> = parsed.zones.into_iter().collect();
    zones.sort_by_key(|(_, zone)| zone.path.span().start);
    let zones = zones
        .into_iter()
        .map(|(name, zone)| zone_definition(&source, name, zone));
    Ok(LakeConfig {
        zones: zones.collect::<Result<_>>()?,
        limits: limits(&source, parsed.limits)?,
    })
}

fn limits(source: &Source<'_>, limits: LimitsFile) -> Result<LakeLimits> {
    fn read<T>(
        source: &Source<'_>,
        value: Option<Spanned<String>>,
        from_text: fn(&str) -> Result<T>,
    ) -> Result<Option<T>> {
        let read = |value: Spanned<String>| source.checked(value.span(), from_text(value.get_ref()));
        value.map(read).transpose()
    }
    Ok(LakeLimits {
        memory: read(source, limits.memory, size_from_text)?,
        running: limits.running,
        spill: read(source, limits.spill, size_from_text)?,
        spill_folder: limits.spill_folder,
        statement_timeout: read(source, limits.statement_timeout, duration_from_text)?,
        idle_timeout: read(source, limits.idle_timeout, duration_from_text)?,
        statement_memory: read(source, limits.statement_memory, size_from_text)?,
    })
}

fn zone_definition(source: &Source<'_>, name: Spanned<String>, zone: ZoneFile) -> Result<ZoneDefinition> {
    let span = name.span();
    let name = name.into_inner();
    source.checked(span.clone(), check_name("zone", &name))?;
    if RESERVED.contains(&name.as_str()) || name.to_lowercase() != name {
        return Err(source
            .wrong(span, format!("a zone cannot be named '{name}'"))
            .with_hint("zones have lower-case names other than 'system' and 'information_schema'"));
    }
    let is_url = is_store_url(zone.path.get_ref());
    let wrong_url = is_url && !Url::parse(zone.path.get_ref()).is_ok_and(|url| url.has_host());
    if zone.path.get_ref().is_empty() || wrong_url {
        return Err(source
            .wrong(
                zone.path.span(),
                format!("zone '{name}' needs the path of a folder"),
            )
            .with_hint(
                "a path relative to the lake's folder, such as \"data/raw\", an absolute one, or a URL: s3://bucket/raw",
            ));
    }
    if !is_url && !zone.store.is_empty() {
        return Err(source.wrong(
            zone.path.span(),
            format!("zone '{name}' has no store to configure: its path is a folder"),
        ));
    }
    let format = match zone.format {
        Some(format) => source.checked(format.span(), format.get_ref().parse())?,
        None => TableFormat::Files(Format::Parquet),
    };
    Ok(ZoneDefinition {
        name,
        path: zone.path.into_inner(),
        format,
        store: StoreOptions(zone.store),
    })
}

/// Reads the definition of table `name` in `zone`. The name is the file's; a `name` key that says
/// another is an error.
///
/// # Errors
/// [`Code::InvalidDefinition`] with the place.
pub fn read_table(file: &Path, text: &str, name: &str, zone: &ZoneDefinition) -> Result<TableDefinition> {
    let source = Source { file, text };
    let parsed: TableFile = source.parse()?;
    if let Some(said) = parsed.name.as_ref().filter(|said| said.get_ref() != name) {
        return Err(source
            .wrong(
                said.span(),
                format!("the file of table '{name}' says it is '{}'", said.get_ref()),
            )
            .with_hint("a table's file bears its name: rename one of the two"));
    }
    let (created_at, updated_at) = (
        time(&source, parsed.created_at.as_ref())?,
        time(&source, parsed.updated_at.as_ref())?,
    );
    let mut definition = TableDefinition {
        owner: parsed.owner.clone(),
        comment: parsed.comment.clone(),
        tags: parsed.tags.clone(),
        created_at,
        updated_at,
        ..TableDefinition::new(name, TableKind::View(View::default()))
    };
    definition.rules = rules(&source, &parsed)?;
    definition.kind = match &parsed.query {
        Some(query) => TableKind::View(view(&source, query, &parsed)?),
        None => table(&source, parsed, zone)?,
    };
    Ok(definition)
}

/// Where a table's file says what rule `name` expects.
pub fn place_of_rule(file: &Path, text: &str, name: &str) -> Option<Location> {
    let source = Source { file, text };
    let parsed: TableFile = source.parse().ok()?;
    let rule = parsed.rules.iter().find(|rule| rule.name.get_ref() == name)?;
    Some(source.place(rule.expect.span()))
}

/// The rules: their words and their grammar. Whether the table has what they name is seen when they are
/// used.
fn rules(source: &Source<'_>, parsed: &TableFile) -> Result<Vec<Rule>> {
    let mut rules: Vec<Rule> = Vec::with_capacity(parsed.rules.len());
    for file in &parsed.rules {
        let span = file.name.span();
        if parsed.query.is_some() {
            return Err(source.wrong(span, "a view has no rules: they are its tables'"));
        }
        let rule = rule(source, file)?;
        let lower = rule.name.to_lowercase();
        if rules.iter().any(|known| known.name.to_lowercase() == lower) {
            return Err(source.wrong(span, format!("there are two rules named '{}'", rule.name)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(source: &Source<'_>, file: &RuleFile) -> Result<Rule> {
    let expectation = source.checked(file.expect.span(), Expectation::parse(file.expect.get_ref()))?;
    let mut rule = Rule::new(file.name.get_ref(), expectation);
    if let Some(filter) = &file.r#where {
        rule.filter = Some(source.checked(filter.span(), Fragment::parse(filter.get_ref()))?);
    }
    if let Some(action) = &file.on_violation {
        rule.action = source.checked(action.span(), action.get_ref().parse())?;
    }
    let threshold = file.threshold.as_ref().map(|number| {
        let text = match number.get_ref() {
            Number::Whole(number) => number.to_string(),
            Number::Float(number) => number.to_string(),
        };
        (text, number.span())
    });
    let texts = [
        ("severity", &file.severity),
        ("dimension", &file.dimension),
        ("message", &file.message),
        ("nulls", &file.nulls),
        ("blank", &file.blank),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(key, value)| value.as_ref().map(|v| (key, v.get_ref().clone(), v.span())));
    let threshold = threshold.map(|(text, span)| ("threshold", text, span));
    for (key, value, span) in texts.chain(threshold) {
        source.checked(span, rule.set(key, &value))?;
    }
    source.checked(file.name.span(), rule.check())?;
    Ok(rule)
}

fn view(source: &Source<'_>, query: &Spanned<String>, parsed: &TableFile) -> Result<View> {
    let misplaced = parsed
        .location
        .as_ref()
        .map(Spanned::span)
        .or(parsed.format.as_ref().map(Spanned::span));
    if let Some(span) = misplaced {
        return Err(source.wrong(span, "a view (a definition with a query) has no files"));
    }
    let columns = parsed.columns.iter().chain(&parsed.partition_columns);
    if let Some(column) = columns.map(|column| column.name.span()).next() {
        return Err(source.wrong(column, "a view's columns are those of its query"));
    }
    let mut statements = Script::new(query.get_ref())
        .into_pieces()
        .map(|piece| piece.and_then(|piece| Statement::parse(&piece)));
    match (statements.next(), statements.next()) {
        (Some(Ok(Statement::Query(_))), None) => {}
        (Some(Err(error)), _) => return source.checked(query.span(), Err(error)),
        _ => return Err(source.wrong(query.span(), "a view's query is one SELECT")),
    }
    Ok(View {
        query: query.get_ref().clone(),
        default_zone: parsed.default_zone.as_ref().map(|zone| zone.get_ref().clone()),
    })
}

fn table(source: &Source<'_>, parsed: TableFile, zone: &ZoneDefinition) -> Result<TableKind> {
    let format = match &parsed.format {
        Some(format) => source.checked(format.span(), format.get_ref().parse())?,
        None => zone.format,
    };
    match format {
        TableFormat::Delta => managed_table(source, parsed).map(TableKind::Managed),
        TableFormat::Files(format) => external_table(source, parsed, format).map(TableKind::External),
    }
}

fn location(source: &Source<'_>, parsed: &TableFile) -> Result<String> {
    let Some(location) = &parsed.location else {
        return Err(source
            .wrong(0..0, "a table needs a location (and a view a query)")
            .with_hint("such as location = \"events/\", relative to the zone's folder"));
    };
    if let Some(span) = parsed.default_zone.as_ref().map(Spanned::span) {
        return Err(source.wrong(span, "only a view (a definition with a query) has a default zone"));
    }
    source.checked(location.span(), check_location(location.get_ref()))
}

fn managed_table(source: &Source<'_>, parsed: TableFile) -> Result<ManagedTable> {
    let location = location(source, &parsed)?;
    let columns = parsed.columns.iter().chain(&parsed.partition_columns);
    let columns = columns.map(|column| column.name.span());
    if let Some(span) = columns.chain(parsed.options.keys().map(Spanned::span)).next() {
        return Err(source
            .wrong(span, "a managed table's columns and options are in its log")
            .with_hint("ALTER TABLE changes them"));
    }
    let quarantines_cast_errors = match &parsed.on_cast_error {
        None => false,
        Some(said) => source.checked(said.span(), cast_errors(said.get_ref()))?,
    };
    Ok(ManagedTable {
        location,
        quarantines_cast_errors,
        sorted_by: parsed.sorted_by.into_iter().map(Spanned::into_inner).collect(),
    })
}

/// Whether `on_cast_error` says that rows whose values do not convert are quarantined.
///
/// # Errors
/// [`Code::InvalidValue`] if it says neither.
pub fn cast_errors(text: &str) -> Result<bool> {
    match text.to_lowercase().as_str() {
        "quarantine" => Ok(true),
        "fail" => Ok(false),
        _ => Err(Error::new(
            Code::InvalidValue,
            format!("'{text}' is not what 'on_cast_error' can be"),
        )
        .with_hint("'fail' or 'quarantine'")),
    }
}

fn external_table(source: &Source<'_>, parsed: TableFile, format: Format) -> Result<ExternalTable> {
    let location = location(source, &parsed)?;
    if let Some(span) = parsed.sorted_by.first().map(Spanned::span) {
        return Err(source.wrong(span, "only a managed table (format = \"delta\") is kept sorted"));
    }
    if let Some(span) = parsed.on_cast_error.as_ref().map(Spanned::span) {
        return Err(source.wrong(
            span,
            "only a managed table (format = \"delta\") has 'on_cast_error'",
        ));
    }
    let mut text = TextOptions::default();
    let mut options = BTreeMap::new();
    for (key, value) in parsed.options {
        let value = value.into_text();
        source.checked(key.span(), text.set(format, key.get_ref(), &value))?;
        options.insert(key.into_inner(), value);
    }
    let columns = columns(source, parsed.columns)?;
    let partition_columns = self::columns(source, parsed.partition_columns)?;
    distinct(source, &columns, &partition_columns)?;
    Ok(ExternalTable {
        format,
        options,
        text,
        location,
        columns: columns.into_iter().map(|(column, _)| column).collect(),
        partition_columns: partition_columns.into_iter().map(|(column, _)| column).collect(),
    })
}

type Placed = (Column, Range<usize>);

fn columns(source: &Source<'_>, columns: Vec<ColumnFile>) -> Result<Vec<Placed>> {
    let column = |column: ColumnFile| {
        let data_type = type_from_text(column.data_type.get_ref());
        let span = column.name.span();
        if column.name.get_ref().is_empty() {
            return Err(source.wrong(span, "a column needs a name"));
        }
        let column = Column {
            data_type: source.checked(column.data_type.span(), data_type)?,
            name: column.name.into_inner(),
            nullable: column.nullable.unwrap_or(true),
            comment: column.comment,
            source: column.source,
        };
        Ok((column, span))
    };
    columns.into_iter().map(column).collect()
}

fn distinct(source: &Source<'_>, columns: &[Placed], partition_columns: &[Placed]) -> Result<()> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (column, span) in columns.iter().chain(partition_columns) {
        if let Some(first) = seen.insert(column.name.to_lowercase(), &column.name) {
            let message = if first == column.name {
                format!("column '{first}' is defined twice")
            } else {
                format!("columns '{first}' and '{}' differ only in case", column.name)
            };
            return Err(source.wrong(span.clone(), message));
        }
    }
    Ok(())
}

fn time(source: &Source<'_>, time: Option<&Spanned<Datetime>>) -> Result<Option<DateTime<Utc>>> {
    let Some(time) = time else { return Ok(None) };
    match DateTime::parse_from_rfc3339(&time.get_ref().to_string()) {
        Ok(parsed) => Ok(Some(parsed.to_utc())),
        Err(_) => Err(source
            .wrong(time.span(), format!("'{}' is not a moment", time.get_ref()))
            .with_hint("write date, time and zone: 2026-01-31T12:00:00Z")),
    }
}

/// Checks that a zone's or table's name can be a file's and a folder's name.
///
/// # Errors
/// [`Code::InvalidValue`] if it cannot.
pub fn check_name(kind: &str, name: &str) -> Result<()> {
    let wrong = name.is_empty()
        || name.len() > 200
        || name.starts_with('.')
        || name.contains('$')
        || name
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'));
    if wrong {
        return Err(
            Error::new(Code::InvalidValue, format!("'{name}' cannot be a {kind}'s name")).with_hint(
                "names are 1 to 200 bytes long, begin with no '.', and have none of / \\ : * ? \" < > | $",
            ),
        );
    }
    Ok(())
}
