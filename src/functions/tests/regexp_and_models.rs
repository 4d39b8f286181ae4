//! Patterns and linear models.

use super::session::{STRING_TYPES, refusal, shown};

#[tokio::test]
async fn regexp_extract_has_duckdbs_answers() {
    for data_type in STRING_TYPES {
        let sql =
            format!("SELECT regexp_extract(arrow_cast('hello_world', '{data_type}'), '([a-z ]+)_?', 1)");
        assert_eq!(shown(&sql).await, "hello");
    }
    assert_eq!(
        shown("SELECT regexp_extract('abc', 'x'), regexp_extract(NULL, 'x'), regexp_extract('abc', NULL)")
            .await,
        "|∅|∅"
    );
    assert_eq!(
        shown("SELECT regexp_extract('abc', 'b(x)?', 1), regexp_extract('abc', 'b.')").await,
        "|bc"
    );
    let rows = "(VALUES ('a1', '[0-9]', 0), ('b2', '([a-z])', 1), ('c', NULL, 0)) t(s, p, g)";
    assert_eq!(
        shown(&format!("SELECT regexp_extract(s, p, g) FROM {rows}")).await,
        "1;b;∅"
    );
    assert_eq!(
        shown(&format!("SELECT regexp_extract(s, '[a-z]') FROM {rows}")).await,
        "a;b;c"
    );
}

#[tokio::test]
async fn regexp_extract_refuses() {
    assert_eq!(
        refusal("SELECT regexp_extract('abc', 'b', 1)").await,
        "22023 regexp_extract: argument 'group' is 1, but the pattern 'b' has groups 0 to 0"
    );
    assert_eq!(
        refusal("SELECT regexp_extract('abc', '(')").await,
        "22023 regexp_extract: argument 'pattern' is no regular expression: '(': unclosed group"
    );
}

#[tokio::test]
async fn predictions() {
    assert_eq!(
        shown("SELECT predict_linear(x, [0.5, 0.25], 1) FROM (VALUES ([1, 2]), (NULL)) t(x)").await,
        "2.0;∅"
    );
    assert_eq!(
        refusal("SELECT predict_linear([1], [0.5, 0.25], 1)").await,
        "22023 predict_linear: argument 'weights' has 2 elements, but 'features' has 1"
    );
    assert_eq!(
        shown("SELECT logistic(0), logistic(1000), logistic(-1000), logistic(NULL), sigmoid('NaN'::double)")
            .await,
        "0.5|1.0|0.0|∅|NaN"
    );
    let both = shown("SELECT abs(logistic(1.25) + logistic(-1.25) - 1) < 1e-15").await;
    assert_eq!(both, "true");
    let lists = "arrow_cast([1, 2], 'FixedSizeList(2, Int64)'), arrow_cast([1.5, 2], 'LargeList(Float32)')";
    assert_eq!(
        shown(&format!("SELECT predict_linear({lists}, 0.5)")).await,
        "6.0"
    );
    let nulls = "predict_linear([1, NULL], [1, 1], 0), predict_linear([1], [1], NULL), predict_linear([]::double[], []::double[], 3)";
    assert_eq!(shown(&format!("SELECT {nulls}")).await, "∅|∅|3.0");
    assert_eq!(shown("SELECT dot_product([1, 2, 3], [4, 5, 6])").await, "32.0");
    assert_eq!(
        refusal("SELECT predict_linear('a', [4, 5], 0)").await,
        "42804 predict_linear: argument 'features' must be a list of numbers, not VARCHAR"
    );
}
