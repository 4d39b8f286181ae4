//! Names in SQL.

use super::sql::write_doubled;

/// Appends a name, in quotes unless it reads as the same name without them everywhere.
pub(in crate::render) fn write_identifier(name: &str, out: &mut String) {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.split_ascii_whitespace().any(|word| word == name);
    if plain {
        out.push_str(name);
    } else {
        write_doubled(name, '"', out);
    }
}

/// Words that cannot name a column without quotes, in PostgreSQL or in the dialect of this engine.
const RESERVED: &str = "\
    all analyse analyze and anti any array as asc asymmetric authorization between binary both by case \
    cast check cluster collate collation column concurrently constraint create cross cube \
    current_catalog current_date current_role current_schema current_time current_timestamp current_user \
    default deferrable delete desc distinct distribute do drop else end except exclude exists explain \
    extract false fetch filter for foreign freeze from full global grant group grouping having ilike in \
    initially inner insert intersect interval into is isnull join lateral leading left like limit local \
    localtime localtimestamp match_recognize minus natural not notnull null offset on only or order \
    outer over overlaps partition pivot placing position primary qualify range recursive references \
    returning right rollup row rows select semi session_user set similar some sort struct substring \
    symmetric table tablesample then to trailing trim true truncate union unique unnest unpivot update \
    user using values variadic verbose view when where window with";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_need_it() {
        let written = |name: &str| {
            let mut out = String::new();
            write_identifier(name, &mut out);
            out
        };
        assert_eq!(written("event_type"), "event_type");
        assert_eq!(written("_1"), "_1");
        assert_eq!(written("order"), "\"order\"");
        assert_eq!(written("Id"), "\"Id\"");
        assert_eq!(written("1st"), "\"1st\"");
        assert_eq!(written("a\"b"), "\"a\"\"b\"");
        assert_eq!(written(""), "\"\"");
    }
}
