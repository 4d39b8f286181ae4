//! Queries, updates, prepared statements, cancelling.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, NullArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, Any, CommandStatementQuery, ProstMessageExt,
};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightClient, FlightDescriptor,
    FlightEndpoint, RenewFlightEndpointRequest,
};
use futures::TryStreamExt;
use prost::Message;
use weir::connection::{Connection, RemoteConnection};
use weir::engine::Body;

use crate::client::{Served, act, code, decode, fetch, fetched_schema, number, query, table, until};

/// Queries whose types no old client reads, and whose nullability differs from plan to plan.
const QUERIES: &[&str] = &[
    "SELECT 1 AS a, 'x' AS b, NULL AS c, DATE '2026-01-01' AS d",
    "SELECT arrow_cast('x', 'Utf8View') AS v, arrow_cast('x', 'LargeUtf8') AS l",
    "SELECT arrow_cast('x', 'Dictionary(Int32, Utf8)') AS d",
    "SELECT [arrow_cast('x', 'Utf8View')] AS l, named_struct('a', arrow_cast('x', 'Utf8View'), 'b', [1]) AS s",
    "SELECT arrow_cast(1.5, 'Decimal32(5, 2)') AS d, arrow_cast([1, 2], 'LargeList(Int64)') AS l",
    "SELECT map(['a'], [1]) AS m",
    "SELECT min(id) AS a, max(id) AS b, count(*) AS n, avg(x) AS x FROM processed.t",
    "SELECT * FROM processed.t WHERE id < 0",
    "SELECT * FROM processed.t",
    "SELECT id FROM processed.t UNION ALL SELECT x FROM processed.t",
    "EXPLAIN SELECT * FROM processed.t",
    "EXPLAIN ANALYZE SELECT * FROM processed.t",
    "SHOW TABLES",
    "DESCRIBE processed.t",
    "SELECT * FROM information_schema.tables",
    "SELECT interval '1 month' AS i, TIMESTAMP '2026-01-01 00:00:00' AS t, true AS b, x'00ff' AS y",
];

async fn with_table() -> (Served, crate::client::Client) {
    let served = Served::new().await;
    let mut client = served.client().await;
    let made = "CREATE TABLE processed.t AS SELECT value AS id, value * 0.5 AS x, 'row ' || value AS name \
                FROM generate_series(1, 10)";
    client.execute_update(made.to_owned(), None).await.unwrap();
    (served, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_schema_is_told_everywhere() {
    let (served, mut client) = with_table().await;
    let mut plain = FlightClient::new(served.channel().await);
    for sql in QUERIES {
        let command = CommandStatementQuery {
            query: (*sql).to_owned(),
            transaction_id: None,
        };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let told = plain.get_schema(descriptor).await.unwrap();
        let info = client.execute((*sql).to_owned(), None).await.unwrap();
        let of_info = info.clone().try_decode_schema().unwrap();
        let of_rows = fetched_schema(&mut client, info).await;
        let prepared = client.prepare((*sql).to_owned(), None).await.unwrap();
        assert_eq!(told, of_info, "{sql}");
        assert_eq!(of_info, *of_rows, "{sql}");
        assert_eq!(prepared.dataset_schema().unwrap(), &of_info, "{sql}");
        for field in of_info.fields() {
            let text = format!("{:?}", field.data_type());
            let is_old = !["View", "Large", "Dictionary", "RunEnd", "Decimal32"]
                .iter()
                .any(|new| text.contains(new));
            assert!(is_old && field.is_nullable(), "{sql}: {field}");
        }
        prepared.close().await.unwrap();
    }
    assert_eq!(served.server.held(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_the_lake_happens_once_and_is_counted() {
    let (_served, mut client) = with_table().await;
    // Through GetFlightInfo, and nobody fetches the answer.
    let info = client
        .execute("INSERT INTO processed.t VALUES (11, 1, 'x')".to_owned(), None)
        .await
        .unwrap();
    assert_eq!(number(&mut client, "SELECT count(*) FROM processed.t").await, 11);
    fetch(&mut client, info).await;
    assert_eq!(number(&mut client, "SELECT count(*) FROM processed.t").await, 11);
    let update = |sql: &str| sql.to_owned();
    let rows = client
        .execute_update(update("UPDATE processed.t SET x = 0 WHERE id <= 4"), None)
        .await;
    assert_eq!(rows.unwrap(), 4);
    let rows = client
        .execute_update(update("DELETE FROM processed.t WHERE id > 8"), None)
        .await;
    assert_eq!(rows.unwrap(), 3);
    let rows = client
        .execute_update(update("INSERT INTO processed.t SELECT * FROM processed.t"), None)
        .await;
    assert_eq!(rows.unwrap(), 8);
    let rows = client
        .execute_update(update("DROP TABLE processed.t"), None)
        .await;
    assert_eq!(rows.unwrap(), 0);
    let missing = client
        .execute(update("SELECT * FROM processed.t"), None)
        .await
        .unwrap_err();
    assert_eq!(code(&missing), tonic::Code::NotFound);
    let wrong = client.execute(update("SELEKT 1"), None).await.unwrap_err();
    assert_eq!(code(&wrong), tonic::Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_have_types_and_are_bound_in_the_order_of_their_numbers() {
    let (_served, mut client) = with_table().await;
    let sql = "SELECT id, $10, $2 FROM processed.t WHERE id = $1 AND x < $3 AND $4 AND $5 AND $6 AND $7 AND $8 AND $9";
    let prepared = client.prepare(sql.to_owned(), None).await.unwrap();
    let parameters = prepared.parameter_schema().unwrap();
    let names: Vec<&str> = parameters
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(parameters.field(0).data_type(), &DataType::Int64);
    assert!(
        parameters
            .fields()
            .iter()
            .all(|field| field.is_nullable() && !field.data_type().is_null())
    );
    prepared.close().await.unwrap();
    // Drivers know no views.
    let by_name = "SELECT id FROM processed.t WHERE name LIKE $1".to_owned();
    let prepared = client.prepare(by_name, None).await.unwrap();
    let parameters = prepared.parameter_schema().unwrap();
    assert_eq!(parameters.field(0).data_type(), &DataType::Utf8);
    prepared.close().await.unwrap();

    let mut prepared = client
        .prepare(
            "SELECT id, ? AS said FROM processed.t WHERE id = ?".to_owned(),
            None,
        )
        .await
        .unwrap();
    // As Python's driver calls them, and with a narrower type than the column has.
    let ids: ArrayRef = Arc::new(arrow::array::Int16Array::from(vec![3, 5]));
    let said: ArrayRef = Arc::new(StringArray::from(vec!["three", "five"]));
    prepared
        .set_parameters(RecordBatch::try_from_iter([("0", said), ("1", ids)]).unwrap())
        .unwrap();
    let info = prepared.execute().await.unwrap();
    let rows = fetch(&mut client, info).await;
    let ids: Vec<i64> = rows
        .iter()
        .flat_map(|b| {
            b.column(0)
                .as_primitive::<arrow::datatypes::Int64Type>()
                .values()
                .to_vec()
        })
        .collect();
    assert_eq!(ids, [3, 5]);
    let nulls: ArrayRef = Arc::new(NullArray::new(1));
    let null_batch =
        RecordBatch::try_from_iter_with_nullable([("0", Arc::clone(&nulls), true), ("1", nulls, true)]);
    prepared.set_parameters(null_batch.unwrap()).unwrap();
    let info = prepared.execute().await.unwrap();
    assert!(
        fetch(&mut client, info)
            .await
            .iter()
            .all(|batch| batch.num_rows() == 0)
    );
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    prepared
        .set_parameters(RecordBatch::try_from_iter([("0", one)]).unwrap())
        .unwrap();
    assert_eq!(
        code(&prepared.execute().await.unwrap_err()),
        tonic::Code::InvalidArgument
    );
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_runs_once_a_row_that_is_bound() {
    let (_served, mut client) = with_table().await;
    let mut insert = client
        .prepare(
            "INSERT INTO processed.t VALUES ($1, $2, upper($3))".to_owned(),
            None,
        )
        .await
        .unwrap();
    assert!(insert.dataset_schema().unwrap().fields().is_empty());
    let batch = RecordBatch::try_from_iter([
        ("1", Arc::new(Int64Array::from_iter_values(100..400)) as ArrayRef),
        (
            "2",
            Arc::new(Float64Array::from_iter_values((100..400).map(f64::from))),
        ),
        (
            "3",
            Arc::new(StringArray::from_iter_values((0..300).map(|i| format!("n{i}")))),
        ),
    ]);
    insert.set_parameters(batch.unwrap()).unwrap();
    assert_eq!(insert.execute_update().await.unwrap(), 300);
    insert.close().await.unwrap();
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM processed.t WHERE name LIKE 'N%'"
        )
        .await,
        300
    );
    // All of them are one commit.
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM processed.t$history").await,
        2
    );
    let mut delete = client
        .prepare("DELETE FROM processed.t WHERE id = $1".to_owned(), None)
        .await
        .unwrap();
    let ids = Arc::new(Int64Array::from(vec![100, 101, 9999]));
    delete
        .set_parameters(RecordBatch::try_from_iter([("1", ids as ArrayRef)]).unwrap())
        .unwrap();
    assert_eq!(delete.execute_update().await.unwrap(), 2);
    let mut plain = client
        .prepare("DELETE FROM processed.t WHERE id = 102".to_owned(), None)
        .await
        .unwrap();
    let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
    assert!(none.schema().fields().is_empty());
    assert_eq!(plain.execute_update().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_fetched_once_and_can_be_renewed_and_cancelled() {
    let (served, mut client) = with_table().await;
    let info = client
        .execute("SELECT * FROM processed.t".to_owned(), None)
        .await
        .unwrap();
    let endpoint = info.endpoint[0].clone();
    let request = RenewFlightEndpointRequest {
        endpoint: Some(endpoint.clone()),
    };
    let renewed: FlightEndpoint = decode(
        act(&mut client, "RenewFlightEndpoint", request.encode_to_vec())
            .await
            .unwrap(),
    );
    assert_eq!(renewed.ticket, endpoint.ticket);
    assert!(renewed.expiration_time.unwrap().seconds >= endpoint.expiration_time.unwrap().seconds);
    fetch(&mut client, info.clone()).await;
    let again = client.do_get(endpoint.ticket.unwrap()).await.err().unwrap();
    assert_eq!(code(&again), tonic::Code::NotFound);

    let cancel = |info| CancelFlightInfoRequest { info: Some(info) }.encode_to_vec();
    let gone: CancelFlightInfoResult =
        decode(act(&mut client, "CancelFlightInfo", cancel(info)).await.unwrap());
    assert_eq!(gone.status(), CancelStatus::NotCancellable);
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let mut other = client.clone();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let reading =
        tokio::spawn(async move { other.do_get(ticket).await.unwrap().try_collect::<Vec<_>>().await });
    until(|| served.server.running() == 1).await;
    let done: CancelFlightInfoResult =
        decode(act(&mut client, "CancelFlightInfo", cancel(info)).await.unwrap());
    assert_eq!(done.status(), CancelStatus::Cancelled);
    let error = reading.await.unwrap().unwrap_err();
    assert_eq!(code(&error), tonic::Code::Cancelled);
    until(|| served.server.held() == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_clients_cancel_by_an_action_of_their_own() {
    let (served, mut client) = with_table().await;
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    assert_eq!(served.server.held().0, 1);
    let request = ActionCancelQueryRequest {
        info: info.encode_to_vec().into(),
    };
    let body = request.as_any().encode_to_vec();
    let answer: Any = decode(act(&mut client, "CancelQuery", body).await.unwrap());
    let answer: ActionCancelQueryResult = answer.unpack().unwrap().unwrap();
    assert_eq!(answer.result, CancelStatus::Cancelled as i32);
    assert_eq!(served.server.held().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_stops_its_statement() {
    let (served, mut client) = with_table().await;
    let endless = "SELECT a.value FROM generate_series(1, 1000000000000) a";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let mut rows = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    assert_eq!(served.server.held().0, 1);
    drop(rows);
    until(|| served.server.held() == (0, 0)).await;
    let mut watcher = served.client().await;
    loop {
        let running = "SELECT count(*) FROM system.queries WHERE sql LIKE '%1000000000000%' AND state = 'running' AND sql NOT LIKE '%system%'";
        if number(&mut watcher, running).await == 0 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_small_unless_a_row_is_not() {
    let (_served, mut client) = with_table().await;
    // The client takes messages of 4 MiB at most.
    let wide = "SELECT repeat('x', CASE WHEN value % 1000 = 0 THEN 3000000 ELSE 100 END) AS t FROM generate_series(1, 3000)";
    let rows = query(&mut client, wide).await;
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 3000);
    assert!(rows.len() > 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_in_one_text_answer_with_the_last() {
    let (_served, mut client) = with_table().await;
    let text = "CREATE TABLE curated.c (a BIGINT); INSERT INTO curated.c VALUES (1), (2); SELECT sum(a) FROM curated.c;";
    assert_eq!(number(&mut client, text).await, 3);
    assert_eq!(
        code(&client.execute("  ".to_owned(), None).await.unwrap_err()),
        tonic::Code::InvalidArgument
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_connection_has_the_same_errors_and_answers() {
    let (served, _client) = with_table().await;
    let url = served.server.url().parse().unwrap();
    let connection = RemoteConnection::connect(&url, None).await.unwrap();
    let sql = "USE processed; SELECT $n + id AS n FROM t WHERE name = ?; SELECT * FROM\n  nothing";
    let parameters = weir::Parameters::positional([datafusion::common::ScalarValue::from("row 3")])
        .with("n", datafusion::common::ScalarValue::from(40_i64));
    let outcomes: Vec<_> = futures::StreamExt::collect(connection.execute(sql, &parameters)).await;
    let [used, rows, missing] = <[_; 3]>::try_from(outcomes).ok().unwrap();
    let Body::Done(done) = used.unwrap().body else {
        panic!("USE gives no rows")
    };
    assert_eq!(done.message, "the current zone is processed");
    let Body::Rows(rows) = rows.unwrap().body else {
        panic!("a query gives rows")
    };
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(
        rows[0]
            .column(0)
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(0),
        43
    );
    let report = missing.unwrap_err().report();
    assert!(
        report.starts_with("error[42P01]: table 'processed.nothing' not found"),
        "{report}"
    );
    assert!(report.contains(":2:3"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_over_the_wire() {
    let (_served, mut client) = with_table().await;
    let text = table(&mut client, "SELECT arrow_cast('a', 'Utf8View') AS v, [named_struct('k', arrow_cast('b', 'Dictionary(Int8, Utf8)'))] AS l").await;
    assert!(text.contains("[{k: b}]"), "{text}");
    assert_eq!(Field::new("a", DataType::Int64, true).name(), "a");
}
