//! What is left unread of Parquet files that say where their values lie.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use weir::Lake;
use weir::connection::LocalConnection;

use super::{done, integers, lake, run};

/// A statement's answer as a table of text.
async fn shown(lake: &Lake, sql: &str) -> String {
    let connection = LocalConnection::new(lake.session());
    let (answers, _) = run::run(&connection, sql).await.expect("an answer");
    let (_, batches) = answers.last().expect("an answer");
    pretty_format_batches(batches).expect("a table").to_string()
}

/// 20,000 rows in two row groups: `id` ascends, `k` is an even number's text, in no order.
fn write(path: &std::path::Path) {
    let ids: Vec<i64> = (0..20_000).collect();
    let keys = ids.iter().map(|id| format!("{:06}", id * 7919 % 20_000 * 2));
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(ids.clone())) as _),
        ("k", Arc::new(keys.map(Some).collect::<StringArray>()) as _),
    ])
    .expect("a batch");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(10_000))
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_bloom_filter_enabled(ColumnPath::from("k"), true)
        .build();
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("it is written");
    writer.close().expect("it is complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_indexes_and_bloom_filters_leave_rows_unread() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let table = folder.path().join("data/raw/t");
    std::fs::create_dir_all(&table).expect("a folder");
    write(&table.join("1.parquet"));
    done(
        &lake,
        "CREATE EXTERNAL TABLE raw.t STORED AS PARQUET LOCATION 't/'",
    )
    .await;
    let pages = "SELECT id FROM raw.t WHERE id BETWEEN 12000 AND 12010";
    let plan = shown(&lake, &format!("EXPLAIN ANALYZE {pages}")).await;
    assert!(plan.contains("pruned 1 of 2 row groups"), "{plan}");
    assert!(plan.contains("9500 of 10000 rows by pages"), "{plan}");
    let counted = format!("SELECT count(*), sum(id) FROM ({pages})");
    assert_eq!(
        integers(&lake, &counted).await.expect("an answer"),
        [Some(11), Some(11 * 12_005)]
    );
    // Between the least and the largest of both row groups, and in neither.
    let absent = "SELECT id FROM raw.t WHERE k = '010001'";
    let plan = shown(&lake, &format!("EXPLAIN ANALYZE {absent}")).await;
    assert!(plan.contains("pruned 2 of 2 row groups"), "{plan}");
    let present = "SELECT count(*), sum(id) FROM raw.t WHERE k = '015838'";
    assert_eq!(
        integers(&lake, present).await.expect("an answer"),
        [Some(1), Some(1)]
    );
    // A file that is read in parts is one file.
    let parts = "SET datafusion.execution.target_partitions = 2; SET datafusion.optimizer.repartition_file_min_size = 1";
    let plan = shown(
        &lake,
        &format!("{parts}; EXPLAIN SELECT sum(id) FROM raw.t WHERE id > 3"),
    )
    .await;
    assert!(plan.contains("files=1"), "{plan}");
}
