//! DataFusion's errors → ours: the one place where they are translated.
//!
//! An error of ours that travelled through DataFusion is taken out again, wherever in the chain it
//! is. For the others the kind of the error decides the code, the diagnostic's span (or, failing
//! that, the name that the message is about) the place.

use std::error::Error as StdError;

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use parquet::errors::ParquetError;
use sqlparser::tokenizer::{Location as At, Span};

use super::caret::place;
use super::memory::OUT_OF_MEMORY;
use super::sql_words::in_sql;
use super::state::{aggregate_functions, scalar_functions, window_functions};
use super::{conversion, misfits};
use crate::catalog::{CATALOG, Catalog};
use crate::error::{Code, Error, did_you_mean, without_layers};
use crate::operators::validate::{RuleFailed, not_evaluated};
use crate::syntax::Piece;

/// How the codes begin that say what is wrong with a value (the SQL standard's class).
const DATA_EXCEPTION: &str = "22";

/// An error about the statement `piece`, run with `zone` as the default zone.
pub(super) fn translate(error: DataFusionError, piece: &Piece, catalog: &Catalog, zone: &str) -> Error {
    let span = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| {
            let at = |l: datafusion::common::Location| At::new(l.line, l.column);
            Span::new(at(span.start), at(span.end))
        });
    if let Some(of_rules) = of_rules(&error) {
        return of_rules;
    }
    if let Some(ours) = recover(&error) {
        return place(ours, span, piece);
    }
    let translated = match missing_table(&error) {
        Some(name) => table_not_found(&name, catalog, zone),
        None => classify(error.find_root(), &error),
    };
    place(translated, span, piece)
}

/// An error that is about no statement.
pub(super) fn without_place(error: DataFusionError) -> Error {
    let ours = of_rules(&error).or_else(|| recover(&error));
    ours.unwrap_or_else(|| classify(error.find_root(), &error))
}

/// That a rule's condition could not be computed. It stands nowhere in the statement that needed it.
fn of_rules(error: &DataFusionError) -> Option<Error> {
    let failed: &RuleFailed = inner(error)?;
    let why = recover(&failed.why).unwrap_or_else(|| classify(failed.why.find_root(), &failed.why));
    Some(naming_rules(why, &failed.rules))
}

/// An error that came of evaluating these rules, which stand nowhere in the statement that needed them. What is
/// not about values is not theirs, and stays as it is.
pub(super) fn naming_rules(error: Error, rules: &[String]) -> Error {
    let is_named = rules
        .iter()
        .all(|name| error.message().contains(&format!("rule '{name}'")));
    if is_named || !error.code().to_string().starts_with(DATA_EXCEPTION) {
        return error;
    }
    let message = format!("{}: {}", not_evaluated(rules), error.message());
    Error::new(error.code(), message).with_hint_if(error.hint().map(str::to_owned))
}

/// Our own error in a chain of others. It is rebuilt, since what it is wrapped in may be shared.
fn recover(error: &(dyn StdError + 'static)) -> Option<Error> {
    inner(error).map(copy)
}

/// The first error of one type in a chain of others.
fn inner<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    if let Some(found) = error.downcast_ref::<E>() {
        return Some(found);
    }
    match error.downcast_ref::<DataFusionError>() {
        Some(DataFusionError::External(within)) => return inner(within.as_ref()),
        Some(DataFusionError::Context(_, within) | DataFusionError::Diagnostic(_, within)) => {
            return inner(within.as_ref());
        }
        Some(DataFusionError::Shared(within)) => return inner(within.as_ref()),
        Some(DataFusionError::Collection(all)) => return all.iter().find_map(|e| inner(e)),
        Some(DataFusionError::ArrowError(within, _)) => return inner(within.as_ref()),
        _ => {}
    }
    if let Some(ArrowError::ExternalError(within)) = error.downcast_ref::<ArrowError>() {
        return inner(within.as_ref());
    }
    if let Some(within) = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        return inner(within);
    }
    inner(error.source()?)
}

fn copy(error: &Error) -> Error {
    let same = Error::new(error.code(), error.message()).with_hint_if(error.hint().map(str::to_owned));
    match error.location() {
        Some(location) => same.at(location.clone()),
        None => same,
    }
}

/// The planner says only in words that a table is not there.
fn missing_table(error: &DataFusionError) -> Option<String> {
    let DataFusionError::Plan(message) = error.find_root() else {
        return None;
    };
    let name = message.strip_prefix("table '")?.strip_suffix("' not found")?;
    Some(name.to_owned())
}

fn table_not_found(name: &str, catalog: &Catalog, zone: &str) -> Error {
    let mut parts = name.rsplit('.');
    let table = parts.next().unwrap_or(name);
    let zone = parts.next().unwrap_or(zone).to_lowercase();
    let zone = zone.as_str();
    if let Some(catalog) = parts
        .next()
        .filter(|catalog| !catalog.eq_ignore_ascii_case(CATALOG))
    {
        return Error::new(Code::UndefinedZone, format!("there is no catalog '{catalog}'"))
            .with_hint(format!("the catalog is '{CATALOG}', and can be left out"));
    }
    let plain = || Error::new(Code::UndefinedTable, format!("table '{zone}.{table}' not found"));
    match catalog.zone(zone) {
        Ok(zone) => catalog.not_found(zone, table),
        Err(_) if matches!(zone, "system" | "information_schema") => {
            let all = if zone == "system" {
                super::system::SystemSchema::TABLES
            } else {
                super::INFORMATION_SCHEMA_TABLES
            };
            plain().with_hint_if(did_you_mean(table, all))
        }
        Err(no_zone) => no_zone,
    }
}

fn classify(root: &DataFusionError, whole: &DataFusionError) -> Error {
    let text = without_layers(&root.strip_backtrace());
    match root {
        DataFusionError::SchemaError(error, _) => schema_error(error),
        DataFusionError::Plan(message) => plan_error(message),
        DataFusionError::NotImplemented(message) => not_implemented(message),
        DataFusionError::SQL(..) => Error::new(Code::Syntax, text),
        DataFusionError::ResourcesExhausted(message) => out_of_memory(message),
        DataFusionError::ArrowError(error, _) => arrow_error(error),
        DataFusionError::Execution(message) => execution_error(message),
        DataFusionError::Configuration(message) => Error::new(Code::InvalidValue, without_layers(message)),
        DataFusionError::IoError(error) => Error::new(io_code(error), text),
        DataFusionError::ObjectStore(error) => Error::new(store_code(error), text),
        DataFusionError::ParquetError(error) => Error::new(parquet_code(error), text),
        DataFusionError::External(_) if text.starts_with(REGEX) => regex_error(&text),
        DataFusionError::External(inner) => Error::new(external_code(inner.as_ref()), text),
        _ => Error::new(Code::Internal, without_layers(&whole.strip_backtrace())),
    }
}

/// The pool's own words, without what the operators in between said before it.
fn out_of_memory(message: &str) -> Error {
    let ours = message.find(OUT_OF_MEMORY).map(|start| &message[start..]);
    let message = ours.map_or_else(|| without_layers(message), str::to_owned);
    Error::new(Code::OutOfMemory, message).with_hint(
        "--memory gives the lake more, SET weir.statement_memory the statement; or let it read fewer rows or \
         columns at once",
    )
}

/// The planner shows its own trees: of those nothing but their names is for people.
fn not_implemented(message: &str) -> Error {
    let name = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
        text[..end].to_owned()
    };
    if let Some(node) = message.strip_prefix("Unsupported ast node ") {
        let node = name(node.strip_prefix("in sqltorel: ").unwrap_or(node));
        return Error::new(
            Code::Unsupported,
            format!("this use of {} is not supported", node.to_uppercase()),
        );
    }
    let Some(rest) = message.strip_prefix("Physical plan does not support logical expression ") else {
        return Error::new(Code::Unsupported, without_layers(message));
    };
    let (what, hint) = match name(rest).as_str() {
        "OuterReferenceColumn" => (
            "a subquery that depends on its outer query in this way is not supported".to_owned(),
            "compare the outer column by = with one of the subquery's, or write a join",
        ),
        "Exists" | "InSubquery" | "ScalarSubquery" | "SetComparison" => (
            "a subquery in this place is not supported".to_owned(),
            "write it in the select list of a subquery in FROM, or as a join",
        ),
        other => (format!("{other} is not supported here"), "write it another way"),
    };
    Error::new(Code::Unsupported, what).with_hint(hint)
}

fn schema_error(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names = valid_fields.iter().map(|column| column.name.as_str());
            let hint = did_you_mean(&field.name, names.clone()).or_else(|| {
                let names: Vec<&str> = names.take(20).collect();
                (!names.is_empty()).then(|| format!("there are {}", names.join(", ")))
            });
            Error::new(
                Code::UndefinedColumn,
                format!("column '{}' not found", field.flat_name()),
            )
            .with_hint_if(hint)
        }
        SchemaError::AmbiguousReference { field } => Error::new(
            Code::AmbiguousColumn,
            format!("column '{}' is ambiguous", field.flat_name()),
        )
        .with_hint("say whose column is meant: table.column"),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::new(Code::DuplicateColumn, format!("column '{name}' is there twice"))
                .with_hint("give one of them another name with AS")
        }
    }
}

/// The names of all functions. Aliases count: people know a function by any of them.
fn functions() -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &str, aliases: &[String]| {
        names.push(name.to_owned());
        names.extend_from_slice(aliases);
    };
    scalar_functions().iter().for_each(|f| add(f.name(), f.aliases()));
    aggregate_functions()
        .iter()
        .for_each(|f| add(f.name(), f.aliases()));
    window_functions().iter().for_each(|f| add(f.name(), f.aliases()));
    names
}

fn plan_error(message: &str) -> Error {
    if let Some(rest) = message.strip_prefix("Invalid function '") {
        let name = rest.split('\'').next().unwrap_or(rest);
        return Error::new(Code::UndefinedFunction, format!("there is no function '{name}'"))
            .with_hint_if(did_you_mean(name, functions()));
    }
    if let Some(name) = message
        .strip_prefix("table function '")
        .and_then(|rest| rest.strip_suffix("' not found"))
    {
        return Error::new(
            Code::UndefinedFunction,
            format!("there is no table function '{name}'"),
        )
        .with_hint_if(
            misfits::reads_files(name).then(|| "FROM 'path' reads a file, a folder or a pattern".to_owned()),
        );
    }
    if let Some((_, rest)) = message.split_once("No function matches the given name and argument types '") {
        let (call, rest) = rest.split_once('\'').unwrap_or((rest, ""));
        let candidates = rest
            .split_once("Candidate functions:")
            .map(|(_, list)| list.split_whitespace());
        let candidates = candidates.map(|list| list.collect::<Vec<_>>().join(" "));
        return Error::new(
            Code::UndefinedFunction,
            format!(
                "no function '{}' takes these arguments: {}",
                called(call),
                in_sql(call)
            ),
        )
        .with_hint_if(candidates.map(|list| format!("there are {}", in_sql(&list))));
    }
    if message.starts_with("Projections require unique expression names") {
        let what = match twice(message) {
            Some(column) => format!("column '{column}' is there twice"),
            None => "two columns have one name".to_owned(),
        };
        return Error::new(Code::DuplicateColumn, what).with_hint("give one of them another name with AS");
    }
    if message.starts_with("Substring without for/from is not valid") {
        return Error::new(
            Code::InvalidStatement,
            "SUBSTRING lacks where to begin or how long it is",
        )
        .with_hint("substr(text, 2), substring(text FROM 2 FOR 3)");
    }
    if let Some(name) = message.strip_prefix("Invalid qualifier ") {
        return Error::new(Code::UndefinedTable, format!("this query has no table '{name}'"))
            .with_hint("an alias takes the place of its table's name");
    }
    if message.starts_with("Correlated scalar subquery can only be used in") {
        return Error::new(Code::Unsupported, "a subquery in this place is not supported")
            .with_hint("write it in the select list of a subquery in FROM, or in WHERE");
    }
    if let Some((column, _)) = message.split_once("\" must appear in the GROUP BY clause") {
        let column = column.rsplit('"').next().unwrap_or(column);
        return Error::new(
            Code::InvalidStatement,
            format!("column '{column}' must be in GROUP BY or in an aggregate function"),
        );
    }
    let text = in_sql(&without_layers(message));
    if let Some(error) = misfits::rows_of_values(&text) {
        return error;
    }
    let code = if message.starts_with("Insert-") && message.ends_with("not supported") {
        Code::Unsupported
    } else if message.contains("coerce") {
        Code::DatatypeMismatch
    } else {
        Code::InvalidStatement
    };
    Error::new(code, text)
}

fn execution_error(message: &str) -> Error {
    let unit = message.strip_prefix("Unsupported date_trunc granularity: '");
    if let Some((unit, units)) = unit.and_then(|rest| rest.split_once("'. Supported values are: ")) {
        let hint = did_you_mean(unit, units.split(", ")).unwrap_or_else(|| format!("there are {units}"));
        return Error::new(Code::DataException, format!("'{unit}' is no unit of time")).with_hint(hint);
    }
    Error::new(Code::DataException, without_layers(message))
}

/// `Projections require unique expression names but the expression "a AS x" at position 0 and "t.x" at
/// position 1 have the same name. …`
fn twice(message: &str) -> Option<&str> {
    let (pair, _) = message.rsplit_once("\" at position ")?;
    let (_, second) = pair.rsplit_once(" and \"")?;
    match second.rsplit_once(" AS ") {
        Some((_, name)) => Some(name),
        None => second
            .rsplit('.')
            .next()
            .filter(|name| !name.contains(['(', '[', '"'])),
    }
}

/// The first line of three or more: the pattern, a mark under it, and why.
const REGEX: &str = "regex parse error:";

fn regex_error(text: &str) -> Error {
    let mut lines = text.lines().skip(1).map(str::trim);
    let pattern = lines.next().unwrap_or_default();
    let why = lines
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or("it cannot be read");
    Error::new(
        Code::DataException,
        format!("'{pattern}' is not a regular expression: {why}"),
    )
}

fn called(call: &str) -> &str {
    call.split('(').next().unwrap_or(call)
}

fn arrow_error(error: &ArrowError) -> Error {
    let (code, text) = match error {
        ArrowError::ArithmeticOverflow(text) => (Code::NumericOutOfRange, overflow_text(text)),
        ArrowError::DivideByZero => (Code::DataException, "division by zero".to_owned()),
        // Rows on their way into a table: the planner has numbered the columns that it could not name.
        ArrowError::InvalidArgumentError(text)
            if text.ends_with("is declared as non-nullable but contains null values") =>
        {
            (
                Code::NotNull,
                "a column that may not be NULL is given NULL".to_owned(),
            )
        }
        ArrowError::CastError(text)
        | ArrowError::ParseError(text)
        | ArrowError::InvalidArgumentError(text)
            if let Some(sentence) = conversion::sentence(text) =>
        {
            return Error::new(Code::DataException, sentence);
        }
        ArrowError::NotYetImplemented(_) => (Code::Unsupported, error.to_string()),
        ArrowError::IoError(_, inner) => (io_code(inner), error.to_string()),
        ArrowError::MemoryError(_) => (Code::OutOfMemory, error.to_string()),
        ArrowError::CsvError(_) | ArrowError::JsonError(_) | ArrowError::AvroError(_) => {
            (Code::CorruptFile, error.to_string())
        }
        // Arrow's CSV reader and its casts share a kind; only the reader knows lines.
        ArrowError::ParseError(text) if text.contains("line ") => (Code::CorruptFile, error.to_string()),
        _ => (Code::DataException, error.to_string()),
    };
    Error::new(code, without_layers(&text))
}

/// Arrow says `Overflow happened on: 9223372036854775807 + 1`.
fn overflow_text(text: &str) -> String {
    match text.strip_prefix("Overflow happened on: ") {
        Some(computed) => format!("{computed} does not fit into its type"),
        None => text.to_owned(),
    }
}

fn io_code(error: &std::io::Error) -> Code {
    Error::io("", "", std::io::Error::from(error.kind())).code()
}

/// A file that was listed and is not there any more was taken away meanwhile.
fn store_code(error: &object_store::Error) -> Code {
    match error {
        object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. } => {
            Code::ChangedUnderneath
        }
        object_store::Error::PermissionDenied { .. } => Code::StorageRefused,
        _ => Code::Io,
    }
}

fn parquet_code(error: &ParquetError) -> Code {
    match error {
        ParquetError::External(inner) => match external_code(inner.as_ref()) {
            Code::Internal => Code::CorruptFile,
            code => code,
        },
        ParquetError::NYI(_) => Code::Unsupported,
        _ => Code::CorruptFile,
    }
}

fn external_code(error: &(dyn StdError + 'static)) -> Code {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            return store_code(error);
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return io_code(error);
        }
        if let Some(error) = error.downcast_ref::<ParquetError>() {
            return parquet_code(error);
        }
        next = error.source();
    }
    Code::Internal
}
