//! The words of the language, for colours and completion.

/// Words that begin a statement.
pub(super) const STATEMENTS: &[&str] = &[
    "ALTER",
    "CHECK",
    "COMMENT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DESCRIBE",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "FROM",
    "INSERT",
    "KILL",
    "MERGE",
    "OPTIMIZE",
    "PREPARE",
    "REPLAY",
    "RESET",
    "RESTORE",
    "SELECT",
    "SET",
    "SHOW",
    "SUGGEST",
    "SUMMARIZE",
    "TRUNCATE",
    "UPDATE",
    "USE",
    "VACUUM",
    "VALUES",
    "WITH",
];

/// Words that begin a clause of a query.
pub(super) const CLAUSES: &[&str] = &[
    "CROSS JOIN",
    "EXCEPT",
    "FROM",
    "FULL JOIN",
    "GROUP BY",
    "HAVING",
    "INNER JOIN",
    "INTERSECT",
    "JOIN",
    "LEFT JOIN",
    "LIMIT",
    "OFFSET",
    "ON",
    "ORDER BY",
    "QUALIFY",
    "RIGHT JOIN",
    "UNION",
    "UNION ALL",
    "USING",
    "WHERE",
];

/// Words that stand in expressions.
pub(super) const EXPRESSIONS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "CASE",
    "CAST",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXISTS",
    "FALSE",
    "FILTER",
    "ILIKE",
    "IN",
    "INTERVAL",
    "IS",
    "LIKE",
    "NOT",
    "NULL",
    "NULLS FIRST",
    "NULLS LAST",
    "OR",
    "OVER",
    "PARTITION BY",
    "THEN",
    "TRUE",
    "WHEN",
];

/// Words of definitions.
const DEFINITIONS: &[&str] = &[
    "EXTERNAL",
    "IF",
    "INTO",
    "LOCATION",
    "OPTIONS",
    "OR",
    "PARTITIONED",
    "REPLACE",
    "STORED",
    "TABLE",
    "VIEW",
];

/// Further words that are coloured wherever they stand bare.
const OTHERS: &[&str] = &["ANALYZE", "OVERWRITE", "RECURSIVE", "WINDOW", "WITHIN"];

/// Whether a bare word belongs to the language rather than to the data.
pub(super) fn is_keyword(word: &str) -> bool {
    let lists = [STATEMENTS, CLAUSES, EXPRESSIONS, DEFINITIONS, OTHERS];
    lists
        .iter()
        .flat_map(|list| list.iter())
        .flat_map(|phrase| phrase.split(' '))
        .any(|known| known.eq_ignore_ascii_case(word))
}
