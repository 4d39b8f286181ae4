//! The planner's words for types and literals, as SQL has them.
//!
//! Its messages and plans speak of `Utf8View` and `Int64(1)`; people wrote `VARCHAR` and `1`.

use arrow::datatypes::DataType;

use crate::definition::type_text;

/// Families of types in the planner's lists of signatures, which are no types themselves.
const FAMILIES: &[(&str, &str)] = &[
    ("Binary", "VARBINARY"),
    ("Decimal", "DECIMAL"),
    ("Duration", "INTERVAL"),
    ("Interval", "INTERVAL"),
    ("String", "VARCHAR"),
    ("Time", "TIME"),
    ("Timestamp", "TIMESTAMP"),
];

/// A text with types and typed literals as SQL writes them. What is quoted stays as it is.
pub(super) fn in_sql(text: &str) -> String {
    let mut sql = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '\'' | '"' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        let arguments = arguments(after);
        rest = &after[arguments.len()..];
        match replaced(word, arguments) {
            Some((text, 0)) => {
                sql.push_str(&text);
                rest = after;
            }
            Some((text, _)) => sql.push_str(&text),
            None => {
                sql.push_str(word);
                rest = after;
            }
        }
    }
    sql
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands in brackets at the beginning of `text`, with them.
fn arguments(text: &str) -> &str {
    let mut depth = 0_usize;
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let end = if c == ')' { i + 1 } else { 0 };
            return &text[..end];
        }
    }
    ""
}

/// What a word means in SQL, and how many bytes of what is in brackets behind it belong to it.
fn replaced(word: &str, arguments: &str) -> Option<(String, usize)> {
    if !word.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let whole = format!("{word}{arguments}");
    if let Ok(data_type) = whole.parse::<DataType>() {
        return Some((type_text(&data_type), arguments.len()));
    }
    if let Ok(data_type) = word.parse::<DataType>() {
        let inside = arguments
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'));
        return Some(match inside.and_then(literal) {
            Some(literal) => (literal, arguments.len()),
            None => (type_text(&data_type), 0),
        });
    }
    let family = FAMILIES.iter().find(|(family, _)| *family == word);
    family.map(|(_, name)| ((*name).to_owned(), 0))
}

/// `1`, `"text"`, `NULL`.
fn literal(text: &str) -> Option<String> {
    if text == "NULL" || text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() {
        return Some(text.to_owned());
    }
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(format!("'{}'", inner.replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::in_sql;

    #[test]
    fn types_and_literals_are_those_of_sql() {
        for (text, expected) in [
            ("sum(Utf8View)", "sum(VARCHAR)"),
            ("Int64 + Utf8", "BIGINT + VARCHAR"),
            ("count(Int64(1))", "count(1)"),
            ("a = Utf8(\"it's\") AND b", "a = 'it''s' AND b"),
            ("Decimal128(12, 2) and Float64", "DECIMAL(12, 2) and DOUBLE"),
            ("sum(Decimal) sum(UInt64)", "sum(DECIMAL) sum(BIGINT UNSIGNED)"),
            ("'Int64' \"Utf8\"", "'Int64' \"Utf8\""),
            ("Int64(a + 1)", "BIGINT(a + 1)"),
            ("int64 total Totals", "int64 total Totals"),
            ("an open ( bracket", "an open ( bracket"),
        ] {
            assert_eq!(in_sql(text), expected);
        }
    }
}
