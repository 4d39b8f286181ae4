//! SQL literals, read back by the engine's SQL.

use arrow::array::TimestampMicrosecondArray;
use datafusion::prelude::SessionContext;

use super::every_type::every_type;
use super::*;

/// The rows of the VALUES list that follows an INSERT's column list.
async fn read_back(insert: &str) -> std::result::Result<Vec<RecordBatch>, String> {
    let values = insert
        .split_once("VALUES")
        .unwrap()
        .1
        .trim()
        .trim_end_matches(';');
    let query = format!("SELECT * FROM (VALUES {values})");
    #[expect(
        clippy::disallowed_methods,
        reason = "the literals are tested, not the engine"
    )]
    let frame = SessionContext::new()
        .sql(&query)
        .await
        .map_err(|e| format!("{query}: {e}"))?;
    frame.collect().await.map_err(|e| format!("{query}: {e}"))
}

#[tokio::test]
async fn every_literal_is_read_as_its_value() {
    for (name, array, _, _) in every_type() {
        // A literal's zone is the session's; its moment is the value's.
        if name.starts_with("timestamp_zone") || name.starts_with("timestamp_utc") {
            continue;
        }
        let given = batch(vec![("column1", array)]);
        let read = read_back(&one(Format::Insert, &given)).await.expect(name);
        let read: String = read.iter().map(|read| one(Format::Ndjson, read)).collect();
        assert_eq!(read, one(Format::Ndjson, &given), "{name}");
    }
}

#[tokio::test]
async fn a_literal_with_a_zone_is_the_same_moment() {
    let micros = TimestampMicrosecondArray::from(vec![1_767_322_985_000_001]).with_timezone("Europe/Berlin");
    let read = read_back(&one(Format::Insert, &batch(vec![("t", Arc::new(micros))])))
        .await
        .unwrap();
    assert_eq!(
        one(Format::Csv, &read[0]),
        "column1\n2026-01-02T03:03:05.000001\n"
    );
}

#[tokio::test]
async fn a_literal_may_be_far_away() {
    let micros = TimestampMicrosecondArray::from(vec![32_503_680_000_000_001, -60_000_000_000_000_000]);
    let given = batch(vec![("column1", Arc::new(micros))]);
    let read = read_back(&one(Format::Insert, &given)).await.unwrap();
    assert_eq!(one(Format::Csv, &read[0]), one(Format::Csv, &given));
}
