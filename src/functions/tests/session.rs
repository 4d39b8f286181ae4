//! A plain session with this module's functions.

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::execution::context::SessionContext;

pub(super) fn session() -> SessionContext {
    let session = SessionContext::new();
    for function in crate::functions::aggregate() {
        session.register_udaf(function.as_ref().clone());
    }
    for function in crate::functions::window() {
        session.register_udwf(function.as_ref().clone());
    }
    for function in crate::functions::scalar() {
        session.register_udf(function.as_ref().clone());
    }
    session
}

async fn run(sql: &str) -> datafusion::common::Result<Vec<RecordBatch>> {
    let session = session();
    let plan = session.state().create_logical_plan(sql).await?;
    session.execute_logical_plan(plan).await?.collect().await
}

/// The answer's cells: `|` between columns, `;` between rows, NULL as `∅`.
pub(super) async fn shown(sql: &str) -> String {
    let batches = run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| {
                if column.is_null(row) {
                    "∅".to_owned()
                } else {
                    array_value_to_string(column, row).unwrap()
                }
            });
            rows.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    rows.join(";")
}

/// The code and message of the error that a statement gives.
pub(super) async fn refusal(sql: &str) -> String {
    let error = match run(sql).await {
        Ok(batches) => panic!("{sql}: {batches:?}"),
        Err(error) => error,
    };
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = source {
        if let Some(ours) = cause.downcast_ref::<crate::Error>() {
            return format!("{} {}", ours.code(), ours.message());
        }
        source = cause.source();
    }
    format!("not our error: {error}")
}

/// The same calls over columns of each string type, one row at a time and constant.
pub(super) const STRING_TYPES: [&str; 4] = ["Utf8", "LargeUtf8", "Utf8View", "Dictionary(Int32, Utf8)"];
