//! Conversions: what converts, what does not, and how it is said.

use super::session::{STRING_TYPES, refusal, shown};

async fn texts(target: &str, good: &[&str], bad: &[&str]) {
    for (texts, wanted) in [(good, "true"), (bad, "false")] {
        for text in texts {
            let sql = format!("SELECT is_type('{text}', '{target}')");
            assert_eq!(shown(&sql).await, wanted, "{sql}");
        }
    }
}

#[tokio::test]
async fn text_is_strict_and_has_no_locale() {
    texts(
        "BIGINT",
        &["0", "-12", "+5", "9223372036854775807"],
        &[
            "",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "1,000",
            "9223372036854775808",
            "0x10",
            "abc",
            "١",
        ],
    )
    .await;
    texts(
        "DOUBLE",
        &["1", "-1.5", "1e10", ".5", "NaN", "inf"],
        &["", "1,5", "1 ", "abc", "1.5.2"],
    )
    .await;
    texts(
        "DECIMAL(5, 2)",
        &["1", "1.25", "1.250", "-999.99"],
        &["", "1.255", "1000", "1,5", " 1", "125e-3"],
    )
    .await;
    texts(
        "DATE",
        &["2024-02-29"],
        &["", "2023-02-29", "29.02.2024", "2024-02-29 ", "Feb 29 2024"],
    )
    .await;
    texts(
        "TIMESTAMP",
        &["2024-02-29 10:00:00", "2024-02-29T10:00:00.123456"],
        &["", "2024-02-29 25:00:00", "10:00"],
    )
    .await;
    texts("BOOLEAN", &["true", "FALSE"], &["", "maybe", "ja", " true"]).await;
    texts("VARCHAR", &["", " a "], &[]).await;
}

#[tokio::test]
async fn numbers_keep_their_value() {
    let sql = "SELECT is_type(x, 'BIGINT'), cast_error(x, 'BIGINT') FROM (VALUES (1e0), (1.5e0), (1e300), ('NaN'::double), (NULL)) t(x)";
    assert_eq!(
        shown(sql).await,
        "true|∅;false|1.5 is no BIGINT;false|1e300 is no BIGINT;false|NaN is no BIGINT;∅|∅"
    );
    assert_eq!(
        shown("SELECT is_type(300, 'TINYINT'), is_type(3, 'TINYINT'), is_type(3, 'DECIMAL(2, 1)')").await,
        "false|true|true"
    );
    assert_eq!(
        shown("SELECT is_type(1.25, 'DECIMAL(3, 1)'), is_type(1.5, 'DECIMAL(3, 1)')").await,
        "false|true"
    );
    assert_eq!(shown("SELECT is_type(TIMESTAMP '2024-01-01 10:00:00', 'DATE'), is_type(TIMESTAMP '2024-01-01 00:00:00', 'DATE')").await, "false|true");
}

#[tokio::test]
async fn errors_say_value_and_target() {
    for data_type in STRING_TYPES {
        let sql = format!(
            "SELECT cast_error(arrow_cast(x, '{data_type}'), 'BIGINT') FROM (VALUES ('1'), ('a b'), (NULL)) t(x)"
        );
        assert_eq!(shown(&sql).await, "∅;'a b' is no BIGINT;∅");
    }
    let long = shown("SELECT cast_error(repeat('x', 1000), 'DATE')").await;
    assert_eq!(long, format!("'{}…' is no DATE", "x".repeat(100)));
    assert_eq!(
        shown("SELECT cast_error('1.239', 'DECIMAL(3, 2)'), cast_error(NULL, 'DATE')").await,
        "'1.239' is no DECIMAL(3, 2)|∅"
    );
    assert_eq!(
        shown("SELECT x, is_type('1', 'INT') FROM (VALUES (1), (2)) t(x)").await,
        "1|true;2|true"
    );
}

#[tokio::test]
async fn the_type_must_be_one() {
    assert_eq!(
        refusal("SELECT is_type('1', 'WHATEVER')").await,
        "22023 is_type: argument 'type' is no type that a table can have: 'WHATEVER'"
    );
    assert_eq!(
        refusal("SELECT is_type('1', x) FROM (VALUES ('INT')) t(x)").await,
        "22023 is_type: argument 'type' must be a constant, and not NULL"
    );
    assert_eq!(
        refusal("SELECT cast_error([1], 'DATE')").await,
        "42804 cast_error: no value of type BIGINT[] converts to DATE"
    );
}
