//! The same answers whatever the number of partitions and the size of batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SessionContext;

use super::driver::{answer, session};

const ROWS: i64 = 2_000;

/// `t(g, x, s, k)`, in batches of seven rows over five partitions.
fn table(session: &SessionContext) {
    let mut partitions = vec![Vec::new(); 5];
    for (i, start) in (0..ROWS).step_by(7).enumerate() {
        let rows = start..ROWS.min(start + 7);
        let hash = |row: i64| row.wrapping_mul(2_654_435_761) >> 7;
        let g: Int64Array = rows.clone().map(|row| Some(hash(row) % 13)).collect();
        let x: Float64Array = rows
            .clone()
            .map(|row| (row % 11 != 0).then(|| (hash(row) % 97) as f64 / 8.0))
            .collect();
        let s: StringViewArray = rows
            .clone()
            .map(|row| Some(format!("s{}", hash(row) % 29)))
            .collect();
        let k: Int64Array = rows.map(|row| Some(hash(row) % 50)).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("g", Arc::new(g)),
            ("x", Arc::new(x)),
            ("s", Arc::new(s)),
            ("k", Arc::new(k)),
        ];
        partitions[i % 5]
            .push(RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap());
    }
    let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
    let schema = session.catalog("datafusion").unwrap().schema("public").unwrap();
    schema.register_table("t".to_owned(), Arc::new(table)).unwrap();
}

const EXACT: &str = "mode(x), mode(s), arg_min(s, x), arg_max(x, k), max_by(s, k), first_by(s, x), last_by(x, k), mad(x), entropy(s), histogram(k % 5), \
    approx_top_k(s, 3)";
const ROUNDED: &str = "round(skewness(x), 9), round(kurtosis(x), 9), round(geomean(x + 1), 9), \
    round(weighted_avg(x, k), 9), round(ln(product(1 + x / 100)), 9)";

#[tokio::test]
async fn answers_do_not_depend_on_the_plan() {
    let statements = [
        format!("SELECT {EXACT}, {ROUNDED} FROM t"),
        format!("SELECT g, {EXACT}, {ROUNDED} FROM t GROUP BY g ORDER BY g"),
        format!("SELECT k, g, {EXACT} FROM t GROUP BY k, g ORDER BY k, g"),
        format!("SELECT g, {EXACT} FROM (SELECT * FROM t ORDER BY g) GROUP BY g ORDER BY g"),
        "SELECT g, mode(s) FILTER (WHERE k > 20), mad(x) FILTER (WHERE x > 3) FROM t GROUP BY g ORDER BY g"
            .to_owned(),
    ];
    for sql in statements {
        let mut first = None;
        for (partitions, batch_size) in [(1, 8192), (1, 3), (4, 5), (8, 100)] {
            let session = session(partitions, batch_size);
            table(&session);
            let found = answer(&session, &sql).await;
            let wanted = first.get_or_insert_with(|| found.clone());
            assert_eq!(
                &found, wanted,
                "{partitions} partitions, batches of {batch_size}: {sql}"
            );
        }
    }
}

#[tokio::test]
async fn partial_aggregation_may_be_skipped() {
    let skipping = session(4, 64);
    let mut config = skipping.copied_config();
    config
        .options_mut()
        .execution
        .skip_partial_aggregation_probe_rows_threshold = 0;
    config
        .options_mut()
        .execution
        .skip_partial_aggregation_probe_ratio_threshold = 0.0;
    let skipping = SessionContext::new_with_config(config);
    for f in crate::functions::aggregate() {
        skipping.register_udaf(f.as_ref().clone());
    }
    let whole = session(1, 8192);
    for session in [&skipping, &whole] {
        table(session);
    }
    let sql = format!("SELECT g, {EXACT}, {ROUNDED} FROM t GROUP BY g ORDER BY g");
    assert_eq!(answer(&skipping, &sql).await, answer(&whole, &sql).await);
}

#[tokio::test]
async fn windows_grow_and_slide() {
    let rows = "(VALUES (1, 5), (2, 5), (3, 1), (4, 1), (5, 9)) t(k, x)";
    let session = session(2, 2);
    let sql = format!(
        "SELECT mode(x) OVER (ORDER BY k), mad(x) OVER (ORDER BY k), arg_min(k, x) OVER (ORDER BY k) FROM {rows}"
    );
    assert_eq!(
        answer(&session, &sql).await,
        "5|0.0|1;5|0.0|1;5|0.0|3;1|2.0|3;1|4.0|3"
    );
    let frame = "OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)";
    let sql = format!(
        "SELECT mode(x) {frame}, mad(x) {frame}, product(x) {frame}, arg_max(k, x) {frame} FROM {rows}"
    );
    let wanted = "5|0.0|5.0|1;5|0.0|25.0|1;5|0.0|25.0|1;1|0.0|5.0|2;1|0.0|9.0|5";
    assert_eq!(answer(&session, &sql).await, wanted);
}
