//! Exact answers, most of them DuckDB's.

use super::driver::{answer, run, session};

const SAMPLE: &str = "(VALUES (1), (2), (2), (3), (7), (NULL), (7), (10)) t(x)";
const NONE: &str = "(VALUES (1)) t(x) WHERE false";

async fn shown(sql: &str) -> String {
    answer(&session(2, 3), sql).await
}

async fn number(sql: &str) -> f64 {
    shown(sql).await.parse().unwrap()
}

async fn refusal(sql: &str) -> String {
    let error = run(&session(2, 3), sql).await.unwrap_err();
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<crate::Error>() {
            return format!("{} {}", error.code(), error.message());
        }
        source = error.source();
    }
    format!("not our error: {error}")
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!(
        (found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0),
        "{found}, wanted {wanted}"
    );
}

#[tokio::test]
async fn the_sample_has_duckdbs_answers() {
    near(
        number(&format!("SELECT entropy(x) FROM {SAMPLE}")).await,
        2.2359263506290326,
    );
    near(
        number(&format!("SELECT skewness(x) FROM {SAMPLE}")).await,
        0.619682628908661,
    );
    near(
        number(&format!("SELECT kurtosis(x) FROM {SAMPLE}")).await,
        -1.2717952163396935,
    );
    near(
        number(&format!("SELECT geometric_mean(x) FROM {SAMPLE}")).await,
        3.455273864200258,
    );
    assert_eq!(
        shown(&format!("SELECT mode(x), mad(x), product(x) FROM {SAMPLE}")).await,
        "2|2.0|5880.0"
    );
    let histogram = shown(&format!("SELECT histogram(x) FROM {SAMPLE}")).await;
    assert_eq!(histogram, "{1: 1, 2: 2, 3: 1, 7: 2, 10: 1}");
}

#[tokio::test]
async fn a_thousand_rows_have_duckdbs_answers() {
    let values = "(SELECT (i*i)%17 + i/10.0 AS x, (i*i)%17 AS m FROM (SELECT value AS i FROM range(1000)))";
    near(
        number(&format!("SELECT kurtosis(x) FROM {values}")).await,
        -1.1094916348774604,
    );
    near(
        number(&format!("SELECT skewness(x) FROM {values}")).await,
        0.0023483317635574425,
    );
    near(
        number(&format!("SELECT entropy(m) FROM {values}")).await,
        3.1464509290524774,
    );
    near(number(&format!("SELECT mad(x) FROM {values}")).await, 25.0);
    near(
        number(&format!("SELECT geomean(1 + m) FROM {values}")).await,
        6.689954484917266,
    );
}

#[tokio::test]
async fn no_rows_give_null_and_no_entropy() {
    let list = "mode(x), mad(x), skewness(x), kurtosis(x), histogram(x), product(x), geomean(x), \
        weighted_avg(x, x), approx_top_k(x, 2), arg_min(x, x), arg_max(x, x)";
    assert_eq!(shown(&format!("SELECT {list} FROM {NONE}")).await, "||||||||||");
    assert_eq!(shown(&format!("SELECT entropy(x) FROM {NONE}")).await, "0.0");
    assert_eq!(
        shown("SELECT mode(NULL), entropy(NULL), arg_max(NULL, NULL), mad(NULL)").await,
        "|0.0||"
    );
}

#[tokio::test]
async fn few_rows() {
    let one = "(VALUES (1)) t(x)";
    let list = "entropy(x), mode(x), mad(x), skewness(x), kurtosis(x), histogram(x), product(x), geomean(x)";
    assert_eq!(
        shown(&format!("SELECT {list} FROM {one}")).await,
        "0.0|1|0.0|||{1: 1}|1.0|1.0"
    );
    let two = "(VALUES (2), (3)) t(x)";
    assert_eq!(
        shown(&format!(
            "SELECT entropy(x), mode(x), mad(x), skewness(x) FROM {two}"
        ))
        .await,
        "1.0|2|0.5|"
    );
    near(
        number("SELECT skewness(x) FROM (VALUES (2), (3), (3)) t(x)").await,
        -1.732050807568877,
    );
    near(
        number("SELECT kurtosis(x) FROM (VALUES (1), (2), (3), (4)) t(x)").await,
        -1.2,
    );
    near(
        number("SELECT kurtosis_pop(x) FROM (VALUES (1), (2), (3), (4)) t(x)").await,
        -1.36,
    );
    let constant = "SELECT skewness(x), kurtosis(x), kurtosis_pop(x) FROM (VALUES (2), (2), (2), (2)) t(x)";
    assert_eq!(shown(constant).await, "||");
}

#[tokio::test]
async fn nan_is_one_value_above_all_numbers() {
    let values = "(VALUES (1e0), (2e0), ('NaN'::double), ('NaN'::double), (-'NaN'::double)) t(x)";
    assert_eq!(
        shown(&format!("SELECT mode(x), mad(x), histogram(x) FROM {values}")).await,
        "NaN|NaN|{1.0: 1, 2.0: 1, NaN: 3}"
    );
    assert_eq!(
        shown(&format!(
            "SELECT skewness(x), kurtosis(x), product(x) FROM {values}"
        ))
        .await,
        "NaN|NaN|NaN"
    );
    let keys = "(VALUES (1, 1e0), (2, 'NaN'::double), (3, 'Infinity'::double)) t(x, k)";
    assert_eq!(
        shown(&format!("SELECT arg_max(x, k), arg_min(x, k) FROM {keys}")).await,
        "2|1"
    );
    let infinite = "(VALUES (1e0), (2e0), (3e0), (4e0), ('Infinity'::double)) t(x)";
    assert_eq!(
        shown(&format!("SELECT mad(x), skewness(x), product(x) FROM {infinite}")).await,
        "1.0|NaN|inf"
    );
    assert_eq!(
        shown("SELECT histogram(x) FROM (VALUES (0e0), (-0e0)) t(x)").await,
        "{0.0: 2}"
    );
}

#[tokio::test]
async fn extremes_ignore_null_unless_told() {
    let rows = "(VALUES (1, 1), (NULL, 5), (3, NULL)) t(x, k)";
    let list = "arg_max(x, k), arg_max_null(x, k), max_by(x, k), arg_min(x, k), min_by(x, k)";
    assert_eq!(shown(&format!("SELECT {list} FROM {rows}")).await, "1||1|1|1");
    let ties = "(VALUES (3, 1), (1, 1), (2, 1)) t(x, k)";
    assert_eq!(
        shown(&format!(
            "SELECT arg_max(x, k), arg_min(x, k), arg_max(DISTINCT x, k) FROM {ties}"
        ))
        .await,
        "1|1|1"
    );
}

#[tokio::test]
async fn values_of_every_type() {
    let sql = |value: &str| {
        format!("SELECT mode(x), arg_max(x, k) FROM (SELECT {value} AS x, k FROM (VALUES (1), (2)) t(k))")
    };
    for value in [
        "true",
        "arrow_cast(1, 'Int8')",
        "arrow_cast(1, 'UInt64')",
        "arrow_cast(1, 'Float32')",
        "arrow_cast(1.5, 'Float16')",
        "arrow_cast(1.5, 'Decimal32(5, 2)')",
        "arrow_cast(1.5, 'Decimal64(5, 2)')",
        "arrow_cast(1.5, 'Decimal128(5, 2)')",
        "arrow_cast(1.5, 'Decimal256(50, 2)')",
        "DATE '2024-01-01'",
        "arrow_cast(DATE '2024-01-01', 'Date64')",
        "TIME '10:00:00'",
        "arrow_cast(TIME '10:00:00', 'Time32(Second)')",
        "TIMESTAMP '2024-01-01 00:00:00'",
        "arrow_cast(TIMESTAMP '2024-01-01 00:00:00', 'Timestamp(Second, Some(\"UTC\"))')",
        "arrow_cast(7, 'Duration(Second)')",
        "INTERVAL '1 day'",
        "'a'",
        "arrow_cast('a', 'Utf8')",
        "arrow_cast('a', 'LargeUtf8')",
        "arrow_cast('a', 'Dictionary(Int32, Utf8)')",
        "arrow_cast('a', 'Binary')",
        "[1, 2]",
        "struct(1, 'a')",
        "map(['a'], [1])",
    ] {
        let batch = run(&session(2, 1), &sql(value)).await;
        let batch = batch.unwrap_or_else(|error| panic!("{value}: {error}"));
        let plain = answer(&session(1, 1), &format!("SELECT {value} AS a, {value} AS b")).await;
        let found = answer(&session(2, 1), &sql(value)).await;
        assert_eq!(found, plain, "{value}: {:?}", batch.schema());
    }
}

#[tokio::test]
async fn means_with_null_zero_and_negative() {
    assert_eq!(
        shown("SELECT weighted_avg(x, w) FROM (VALUES (1, 1), (2, 3), (NULL, 100), (5, NULL)) t(x, w)").await,
        "1.75"
    );
    assert_eq!(
        shown("SELECT wavg(x, w) FROM (VALUES (1.5, 1), (2, -3)) t(x, w)").await,
        "2.25"
    );
    assert_eq!(
        shown("SELECT weighted_avg(x, w) FROM (VALUES (1, 0), (2, 0)) t(x, w)").await,
        ""
    );
    assert_eq!(
        shown("SELECT geomean(x) FROM (VALUES (1), (0)) t(x)").await,
        "0.0"
    );
    assert_eq!(
        shown("SELECT geomean(x) FROM (VALUES (1), (-2)) t(x)").await,
        "NaN"
    );
    assert_eq!(
        shown("SELECT product(x) FROM (VALUES (2), (NULL), (0.5)) t(x)").await,
        "1.0"
    );
    assert_eq!(
        shown("SELECT mad(x) FROM (VALUES (1.5), (2.5), (10.0)) t(x)").await,
        "1.0"
    );
}

#[tokio::test]
async fn distinct_and_filter() {
    let values = "(VALUES (1), (2), (2), (3)) t(x)";
    assert_eq!(
        shown(&format!(
            "SELECT mode(DISTINCT x), count(x), sum(DISTINCT x) FROM {values}"
        ))
        .await,
        "1|4|6"
    );
    assert_eq!(
        shown(&format!(
            "SELECT histogram(DISTINCT x), count(DISTINCT x + 1) FROM {values}"
        ))
        .await,
        "{1: 1, 2: 1, 3: 1}|3"
    );
    assert_eq!(
        shown(&format!(
            "SELECT mode(x) FILTER (WHERE x <> 2), mad(x) FILTER (WHERE x > 5) FROM {values}"
        ))
        .await,
        "1|"
    );
    let refused = refusal(&format!(
        "SELECT mad(DISTINCT x), count(DISTINCT x + 1) FROM {values}"
    ))
    .await;
    assert_eq!(refused, "0A000 mad does not take DISTINCT here");
}

#[tokio::test]
async fn wrong_calls_name_function_and_argument() {
    assert_eq!(
        refusal("SELECT approx_top_k(x, 0) FROM (VALUES (1)) t(x)").await,
        "22023 approx_top_k: argument 'k' must be from 1 to 1000000, not 0"
    );
    assert_eq!(
        refusal("SELECT approx_top_k(x, x) FROM (VALUES (1)) t(x)").await,
        "22023 approx_top_k: argument 'k' must be a constant"
    );
    assert_eq!(
        refusal("SELECT skewness('a')").await,
        "42804 skewness: argument 'x' must be a number, not VARCHAR"
    );
    assert_eq!(
        refusal("SELECT arg_max(1)").await,
        "42883 arg_max does not take 1 arguments"
    );
}

#[tokio::test]
async fn top_k_orders_by_count_and_value() {
    let sql = "SELECT approx_top_k(x, 2) FROM (VALUES ('a'), ('b'), ('c'), ('c'), ('b'), (NULL)) t(x)";
    assert_eq!(shown(sql).await, "[b, c]");
}
