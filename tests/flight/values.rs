//! Values of every type: bound to prepared statements, alone, as NULL and several at a time; and rows that are large.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{concat, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use prost::bytes::Bytes;

use crate::client::{Client, Served, code, fetch, number, query};

/// A column of each type that tables have: its name, and its values in three rows.
const COLUMNS: [(&str, [&str; 3]); 17] = [
    ("b", ["true", "false", "true"]),
    (
        "i8",
        ["CAST(1 AS TINYINT)", "CAST(-2 AS TINYINT)", "CAST(3 AS TINYINT)"],
    ),
    (
        "i16",
        [
            "CAST(1 AS SMALLINT)",
            "CAST(-2 AS SMALLINT)",
            "CAST(3 AS SMALLINT)",
        ],
    ),
    ("i32", ["CAST(1 AS INT)", "CAST(-2 AS INT)", "CAST(3 AS INT)"]),
    ("i64", ["1", "-9223372036854775807", "9223372036854775807"]),
    (
        "f32",
        ["CAST(1.5 AS REAL)", "CAST(-2.25 AS REAL)", "CAST(3 AS REAL)"],
    ),
    ("f64", ["1.5e0", "-2.25e0", "3e300"]),
    (
        "m",
        [
            "CAST(1.25 AS DECIMAL(12, 2))",
            "CAST(-2.5 AS DECIMAL(12, 2))",
            "CAST(9999999999.99 AS DECIMAL(12, 2))",
        ],
    ),
    (
        "wide",
        [
            "CAST(1 AS DECIMAL(38, 10))",
            "CAST(-2 AS DECIMAL(38, 10))",
            "CAST(3 AS DECIMAL(38, 10))",
        ],
    ),
    ("t", ["'a'", "''", "'a longer text, with an é'"]),
    ("y", ["x'00'", "x''", "x'ff00ff'"]),
    (
        "d",
        ["DATE '2026-01-01'", "DATE '1969-12-31'", "DATE '9999-12-31'"],
    ),
    (
        "ts",
        [
            "TIMESTAMP '2026-01-01 10:00:00.123456'",
            "TIMESTAMP '1969-12-31 23:59:59'",
            "TIMESTAMP '2200-01-01 00:00:00'",
        ],
    ),
    (
        "tz",
        [
            "arrow_cast(TIMESTAMP '2026-01-01 10:00:00', 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "arrow_cast(TIMESTAMP '1969-12-31 23:59:59', 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "arrow_cast(TIMESTAMP '2200-01-01 00:00:00', 'Timestamp(Microsecond, Some(\"UTC\"))')",
        ],
    ),
    ("l", ["[1, 2]", "[CAST(NULL AS BIGINT)]", "[3]"]),
    (
        "s",
        [
            "named_struct('a', 1, 'b', 'x')",
            "named_struct('a', CAST(NULL AS BIGINT), 'b', '')",
            "named_struct('a', 3, 'b', 'z')",
        ],
    ),
    ("id", ["0", "1", "2"]),
];

async fn with_columns() -> (Served, Client) {
    let served = Served::new().await;
    let mut client = served.client().await;
    let rows = (0..3).map(|row| {
        let values = COLUMNS.map(|(name, values)| format!("{} AS {name}", values[row]));
        format!("SELECT {}", values.join(", "))
    });
    let sql = format!(
        "CREATE TABLE processed.v AS {}",
        rows.collect::<Vec<_>>().join(" UNION ALL ")
    );
    client.execute_update(sql, None).await.unwrap();
    (served, client)
}

fn total(batches: &[RecordBatch]) -> i64 {
    let counts = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>());
    counts.map(Option::unwrap).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_bound_in_every_type() {
    let (_served, mut client) = with_columns().await;
    // What has parts is compared with nothing; it is inserted, below.
    for (name, _) in COLUMNS.iter().filter(|(name, _)| !["l", "s"].contains(name)) {
        let of_table = query(
            &mut client,
            &format!("SELECT {name} FROM processed.v ORDER BY id"),
        )
        .await;
        let columns: Vec<&dyn Array> = of_table.iter().map(|batch| batch.column(0).as_ref()).collect();
        let values: ArrayRef = concat(&columns).unwrap();
        let sql = format!("SELECT count(*) AS n FROM processed.v WHERE {name} = $1");
        let mut prepared = client.prepare(sql, None).await.unwrap();
        let told = prepared.parameter_schema().unwrap().field(0).data_type().clone();
        assert_eq!(&told, values.data_type(), "{name}");
        let nothing = new_null_array(values.data_type(), 1);
        let untyped = new_null_array(&DataType::Null, 1);
        // Three sets are three runs, one after the other; NULL is equal to nothing.
        for (bound, expected) in [
            (values.slice(1, 1), 1),
            (Arc::clone(&values), if *name == "b" { 5 } else { 3 }),
            (nothing, 0),
            (untyped, 0),
        ] {
            let batch = RecordBatch::try_from_iter_with_nullable([("1", bound, true)]).unwrap();
            prepared.set_parameters(batch).unwrap();
            let info = prepared.execute().await.unwrap();
            assert_eq!(total(&fetch(&mut client, info).await), expected, "{name}");
        }
        prepared.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_inserted_as_they_are_bound() {
    let (_served, mut client) = with_columns().await;
    let names = COLUMNS.map(|(name, _)| name);
    let of_table = query(&mut client, "SELECT * FROM processed.v ORDER BY id").await;
    let made = "CREATE TABLE processed.w AS SELECT * FROM processed.v WHERE false";
    client.execute_update(made.to_owned(), None).await.unwrap();
    let places: Vec<String> = (1..=names.len()).map(|i| format!("${i}")).collect();
    let sql = format!(
        "INSERT INTO processed.w ({}) VALUES ({})",
        names.join(", "),
        places.join(", ")
    );
    let mut insert = client.prepare(sql, None).await.unwrap();
    let batch = &of_table[0];
    let nulls = batch
        .columns()
        .iter()
        .map(|column| new_null_array(column.data_type(), 1));
    let nulls = RecordBatch::try_new(batch.schema(), nulls.collect()).unwrap();
    for set in of_table.iter().cloned().chain([nulls]) {
        let rows = i64::try_from(set.num_rows()).unwrap();
        insert.set_parameters(set).unwrap();
        assert_eq!(insert.execute_update().await.unwrap(), rows);
    }
    insert.close().await.unwrap();
    let again = query(
        &mut client,
        "SELECT * FROM processed.w WHERE id IS NOT NULL ORDER BY id",
    )
    .await;
    let schema = batch.schema();
    let one = |batches: &[RecordBatch]| concat_batches(&schema, batches).unwrap();
    assert_eq!(one(&again), one(&of_table));
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM processed.w WHERE l IS NULL AND b IS NULL"
        )
        .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_convert_is_refused_and_named() {
    let (_served, mut client) = with_columns().await;
    let sql = "SELECT * FROM processed.v WHERE i64 = $1".to_owned();
    let mut prepared = client.prepare(sql, None).await.unwrap();
    let text: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["no number"]));
    prepared
        .set_parameters(RecordBatch::try_from_iter([("1", text)]).unwrap())
        .unwrap();
    let refused = prepared.execute().await.unwrap_err();
    assert_eq!(code(&refused), tonic::Code::InvalidArgument);
    assert!(refused.to_string().contains("$1"), "{refused}");
    // A text that is a number is one.
    let one: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["1"]));
    prepared
        .set_parameters(RecordBatch::try_from_iter([("1", one)]).unwrap())
        .unwrap();
    let info = prepared.execute().await.unwrap();
    assert_eq!(fetch(&mut client, info).await[0].num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_may_be_larger_than_a_message_usually_is() {
    let served = Served::new().await;
    let inner = arrow_flight::flight_service_client::FlightServiceClient::new(served.channel().await)
        .max_decoding_message_size(64 << 20);
    let mut client = FlightSqlServiceClient::new_from_inner(inner);
    client.handshake("", "").await.unwrap();
    let sql =
        "SELECT value, repeat('x', 10000000) AS t, [repeat('y', 1000000)] AS l FROM generate_series(1, 6)";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut rows = client.do_get(ticket).await.unwrap();
    let mut lengths = Vec::new();
    while let Some(batch) = rows.try_next().await.unwrap() {
        // Each is a message of its own: one row forces more, and no other comes with it.
        assert_eq!(batch.num_rows(), 1);
        lengths.extend(batch.column(1).as_string::<i32>().iter().flatten().map(str::len));
    }
    assert_eq!(lengths, [10_000_000; 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_refused_wherever_one_is_named() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let begun = client.begin_transaction().await.unwrap_err();
    assert_eq!(code(&begun), tonic::Code::Unimplemented);
    let id = || Some(Bytes::from_static(b"a transaction"));
    let sql = || "CREATE TABLE processed.t AS SELECT 1 AS a".to_owned();
    let asked = client.execute(sql(), id()).await.unwrap_err();
    let updated = client.execute_update(sql(), id()).await.unwrap_err();
    let prepared = client.prepare(sql(), id()).await.err().unwrap();
    for refused in [asked, updated, prepared] {
        assert_eq!(code(&refused), tonic::Code::Unimplemented, "{refused}");
        assert!(refused.to_string().contains("transaction"), "{refused}");
    }
    // An id that is empty names none.
    client.execute_update(sql(), Some(Bytes::new())).await.unwrap();
}
