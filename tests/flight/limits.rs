//! The engine's limits in gRPC's terms: memory, places to compute, and what waits for none.

use arrow_flight::sql::CommandGetTables;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use futures::future::join_all;
use std::num::NonZeroUsize;
use weir::LakeOptions;

use crate::client::{Client, Served, code, fetch, number, options, query};

/// So many statements may wait. A connection has fewer streams at one time.
const WAITING_AT_MOST: usize = 1000;
const OF_CONNECTION: usize = 125;

async fn with_one_place() -> Served {
    let one = LakeOptions {
        running: NonZeroUsize::new(1),
        ..LakeOptions::default()
    };
    Served::of(one, options()).await
}

/// A result that is begun and not read on: it keeps its place.
async fn hold(client: &mut Client) -> arrow_flight::decode::FlightRecordBatchStream {
    let endless = "SELECT value FROM generate_series(1, 1000000000000)";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let mut rows = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_too_much_memory_is_told_so() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let little = "SET weir.statement_memory = '4MB'";
    client.execute_update(little.to_owned(), None).await.unwrap();
    let large = "SELECT array_agg('some text ' || value) FROM generate_series(1, 3000000)";
    let info = client.execute(large.to_owned(), None).await.unwrap();
    let rows = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    let failed = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(code(&failed), tonic::Code::ResourceExhausted, "{failed}");
    assert_eq!(query(&mut client, "SELECT 1").await[0].num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_waits_for_nobody() {
    let served = with_one_place().await;
    let mut busy = served.client().await;
    busy.execute_update("CREATE TABLE processed.t AS SELECT 1 AS a".to_owned(), None)
        .await
        .unwrap();
    let held = hold(&mut busy).await;
    let mut client = served.client().await;
    let tables = CommandGetTables {
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(tables).await.unwrap();
    assert!(fetch(&mut client, info).await[0].num_rows() > 5);
    let info = client.get_sql_info(Vec::new()).await.unwrap();
    assert_eq!(fetch(&mut client, info).await.len(), 1);
    assert!(number(&mut client, "SELECT count(*) FROM system.tables").await > 0);
    assert!(!query(&mut client, "SHOW TABLES").await.is_empty());
    client
        .execute_update("USE processed".to_owned(), None)
        .await
        .unwrap();
    let prepared = client.prepare("SELECT a FROM t".to_owned(), None).await.unwrap();
    assert_eq!(prepared.dataset_schema().unwrap().fields().len(), 1);
    // A query of rows waits, and goes on when there is a place.
    let mut waiting = client.clone();
    let counted = tokio::spawn(async move { number(&mut waiting, "SELECT count(*) FROM processed.t").await });
    let queued = "SELECT count(*) FROM system.queries WHERE state = 'queued'";
    while number(&mut client, queued).await == 0 {}
    drop(held);
    assert_eq!(counted.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_wait_are_refused() {
    let served = with_one_place().await;
    let mut busy = served.client().await;
    let held = hold(&mut busy).await;
    let mut streams = Vec::new();
    let mut clients = Vec::new();
    while streams.len() < WAITING_AT_MOST {
        let mut client = FlightSqlServiceClient::new(served.channel().await);
        client.handshake("", "").await.unwrap();
        for _ in 0..OF_CONNECTION {
            let sql = "SELECT count(*) FROM generate_series(1, 10)";
            let info = client.execute(sql.to_owned(), None).await.unwrap();
            streams.push(
                client
                    .do_get(info.endpoint[0].ticket.clone().unwrap())
                    .await
                    .unwrap(),
            );
        }
        clients.push(client);
    }
    let waiting: Vec<_> = streams
        .into_iter()
        .map(|rows| tokio::spawn(rows.try_collect::<Vec<_>>()))
        .collect();
    let queued = "SELECT count(*) FROM system.queries WHERE state = 'queued'";
    let mut watcher = served.client().await;
    while number(&mut watcher, queued).await < 1000 {}
    let sql = "SELECT count(*) FROM generate_series(1, 10)";
    let info = watcher.execute(sql.to_owned(), None).await.unwrap();
    let rows = watcher
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    let refused = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(code(&refused), tonic::Code::Unavailable, "{refused}");
    drop(held);
    for rows in join_all(waiting).await {
        assert_eq!(rows.unwrap().unwrap()[0].num_rows(), 1);
    }
}
