//! What was measured → rules as SQL.

use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

use super::Suggestion;
use super::profile::{Measured, PATTERNS, Profile, Text};
use super::references::Found;
use crate::syntax::quote::{identifier, literal};

/// How often each value of a set has to occur, on the average, to be more than a coincidence.
const OF_EACH: u64 = 4;
/// Whole numbers that are so few are a set and no range.
const NUMBERS_AT_MOST: usize = 5;
/// Texts longer than this have no length worth a rule.
const LENGTH_AT_MOST: u64 = 64;

/// The suggestions: what must be there, keys, other tables' keys, then what the values can be.
pub(super) fn all(profile: &Profile, keys: &[Vec<String>], references: &[Found]) -> Vec<Suggestion> {
    let mut all = Vec::new();
    if profile.rows == 0 {
        return all;
    }
    all.extend(
        profile
            .columns
            .iter()
            .filter_map(|measured| not_null(measured, profile.rows)),
    );
    all.extend(keys.iter().map(|key| unique(key, profile.rows)));
    all.extend(references.iter().map(foreign_key));
    for measured in profile.columns.iter().filter(|measured| measured.values > 0) {
        let is_key = keys
            .iter()
            .any(|key| key.as_slice() == [measured.field.name().as_str()]);
        let found = set(measured, is_key)
            .or_else(|| pattern(measured))
            .or_else(|| range(measured, is_key))
            .or_else(|| length(measured));
        all.extend(found);
    }
    all
}

fn suggestion(
    columns: &[&str],
    suffix: &str,
    expectation: &str,
    options: &str,
    evidence: String,
) -> Suggestion {
    let rule = format!("{}_{suffix}", columns.join("_"));
    let ddl = format!("CONSTRAINT {} EXPECT {expectation}{options}", identifier(&rule));
    Suggestion { rule, ddl, evidence }
}

fn not_null(measured: &Measured, rows: u64) -> Option<Suggestion> {
    let name = measured.field.name();
    if measured.values < rows || !measured.field.is_nullable() {
        return None;
    }
    let never_blank = measured.text.as_ref().is_some_and(|text| text.blank == 0);
    let (options, evidence) = match never_blank {
        true => (
            " WITH (blank = 'fail')",
            format!("none of {rows} rows is NULL or blank"),
        ),
        false => ("", format!("none of {rows} rows is NULL")),
    };
    let expectation = format!("NOT NULL ({})", identifier(name));
    Some(suggestion(
        &[name.as_str()],
        "not_null",
        &expectation,
        options,
        evidence,
    ))
}

fn unique(key: &[String], rows: u64) -> Suggestion {
    let names: Vec<_> = key.iter().map(|name| identifier(name)).collect();
    let parts: Vec<&str> = key.iter().map(String::as_str).collect();
    let evidence = format!("no two of {rows} rows are alike in it, by an exact count");
    suggestion(
        &parts,
        "unique",
        &format!("UNIQUE ({})", names.join(", ")),
        "",
        evidence,
    )
}

/// `FOREIGN KEY (c) REFERENCES t (k)`.
fn foreign_key(found: &Found) -> Suggestion {
    let (zone, table) = (identifier(&found.zone), identifier(&found.table));
    let expectation = format!(
        "FOREIGN KEY ({}) REFERENCES {zone}.{table} ({})",
        identifier(&found.column),
        identifier(&found.key)
    );
    let evidence = format!(
        "each of {} values is one of {zone}.{table}, where none comes twice",
        found.values
    );
    suggestion(&[found.column.as_str()], "known", &expectation, "", evidence)
}

/// `c IN (…)`.
fn set(measured: &Measured, is_key: bool) -> Option<Suggestion> {
    let set = measured.set.as_ref().filter(|_| !is_key)?;
    let is_text = measured.text.is_some();
    let few = is_text || (measured.field.data_type().is_integer() && set.len() <= NUMBERS_AT_MOST);
    if !few || set.len() < 2 || measured.values < OF_EACH * set.len() as u64 {
        return None;
    }
    let values: Option<Vec<String>> = set.iter().map(sql).collect();
    let name = measured.field.name();
    let expectation = format!("({} IN ({}))", identifier(name), values?.join(", "));
    let evidence = format!("{} values are one of {}", measured.values, set.len());
    Some(suggestion(&[name.as_str()], "values", &expectation, "", evidence))
}

/// `is_email(c)`.
fn pattern(measured: &Measured) -> Option<Suggestion> {
    let text: &Text = measured.text.as_ref()?;
    let fits = text
        .fitting
        .iter()
        .position(|fitting| *fitting == measured.values)?;
    let function = PATTERNS[fits];
    let kind = function.trim_start_matches("is_");
    let name = measured.field.name();
    let expectation = format!("({function}({}))", identifier(name));
    let evidence = format!("all of {} values are one: {kind}", measured.values);
    Some(suggestion(&[name.as_str()], kind, &expectation, "", evidence))
}

/// `c BETWEEN a AND b`; of times only from when on, since they go on.
fn range(measured: &Measured, is_key: bool) -> Option<Suggestion> {
    let (least, greatest) = (measured.min.as_ref()?, measured.max.as_ref()?);
    let name = measured.field.name();
    let column = identifier(name);
    let (from, to) = (sql(least)?, sql(greatest)?);
    let is_number = measured.field.data_type().is_numeric();
    let expectation = match is_number {
        true if is_key && !from.starts_with('-') => format!("({column} >= 0)"),
        true if is_key => return None,
        true => format!("({column} BETWEEN {from} AND {to})"),
        false if measured.text.is_none() => format!("({column} >= {from})"),
        false => return None,
    };
    let evidence = format!(
        "{} values lie between {} and {}",
        measured.values,
        shown(least),
        shown(greatest)
    );
    Some(suggestion(&[name.as_str()], "range", &expectation, "", evidence))
}

fn length(measured: &Measured) -> Option<Suggestion> {
    let (shortest, longest) = measured.text.as_ref()?.lengths;
    if longest > LENGTH_AT_MOST {
        return None;
    }
    let name = measured.field.name();
    let column = identifier(name);
    let expectation = match shortest == longest {
        true => format!("(character_length({column}) = {longest})"),
        false => format!("(character_length({column}) BETWEEN {shortest} AND {longest})"),
    };
    let evidence = match shortest == longest {
        true => format!("all of {} texts have {longest} characters", measured.values),
        false => format!(
            "{} texts have {shortest} to {longest} characters",
            measured.values
        ),
    };
    Some(suggestion(&[name.as_str()], "length", &expectation, "", evidence))
}

/// A value as an SQL literal; `None` for one that has none (NaN, infinity).
fn sql(value: &ScalarValue) -> Option<String> {
    let text = shown(value);
    match value.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(literal(&text)),
        DataType::Date32 => Some(format!("DATE '{text}'")),
        DataType::Timestamp(_, None) => Some(format!("TIMESTAMP '{}'", text.replace('T', " "))),
        other if other.is_floating() => {
            let finite = text.parse::<f64>().is_ok_and(f64::is_finite);
            finite.then_some(text)
        }
        other if other.is_numeric() => Some(text),
        _ => None,
    }
}

fn shown(value: &ScalarValue) -> String {
    let text = || {
        let array = value.to_array().ok()?;
        let options = FormatOptions::default();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).ok()?;
        formatter.value(0).try_to_string().ok()
    };
    text().unwrap_or_else(|| value.to_string())
}
