//! Sessions: whose they are, their options, and their end.

use std::time::Duration;

use arrow_flight::Empty;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use prost::Message;
use weir::flight::ServeOptions;

use crate::client::{Served, act, code, number, options, query, table, until};

const TABLES: &str = "SELECT count(*) FROM t";

#[tokio::test(flavor = "multi_thread")]
async fn each_token_is_a_session_of_its_own() {
    let served = Served::new().await;
    let (mut a, mut b) = (served.client().await, served.client().await);
    for sql in ["USE processed", "CREATE TABLE t AS SELECT 1 AS a"] {
        a.execute_update(sql.to_owned(), None).await.unwrap();
    }
    assert_eq!(number(&mut a, TABLES).await, 1);
    assert!(b.execute(TABLES.to_owned(), None).await.is_err());
    // The same token on another connection is the same session.
    let mut c = FlightSqlServiceClient::new(served.channel().await);
    c.set_token(a.token().unwrap().clone());
    assert_eq!(number(&mut c, TABLES).await, 1);
    assert_eq!(number(&mut a, "SELECT count(*) FROM system.sessions").await, 2);
    let text = table(&mut a, "SELECT user_name, address FROM system.sessions").await;
    assert!(text.contains("local") && text.contains("127.0.0.1:"), "{text}");
    act(&mut a, "CloseSession", Vec::new()).await.unwrap();
    // Whoever comes with a token that has ended begins anew: there are no users here.
    assert!(a.execute(TABLES.to_owned(), None).await.is_err());
    assert_eq!(number(&mut b, "SELECT count(*) FROM system.sessions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_connection_or_its_cookie_is_the_session() {
    let served = Served::new().await;
    let mut bare = FlightSqlServiceClient::new(served.channel().await);
    for sql in ["USE processed", "CREATE TABLE t AS SELECT 1 AS a"] {
        bare.execute_update(sql.to_owned(), None).await.unwrap();
    }
    assert_eq!(number(&mut bare, TABLES).await, 1);
    let mut watcher = served.client().await;
    assert_eq!(
        number(&mut watcher, "SELECT count(*) FROM system.sessions").await,
        2
    );
    drop(bare);
    // Its connection has ended, and so has its session.
    while number(&mut watcher, "SELECT count(*) FROM system.sessions").await > 1 {}

    let mut plain = FlightServiceClient::new(served.channel().await);
    let response = plain.list_actions(Empty {}).await.unwrap();
    let cookie = response
        .metadata()
        .get("set-cookie")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let mut first = FlightSqlServiceClient::new(served.channel().await);
    first.set_header("cookie", cookie.clone());
    first
        .execute_update("USE processed".to_owned(), None)
        .await
        .unwrap();
    drop((first, plain));
    let mut second = FlightSqlServiceClient::new(served.channel().await);
    second.set_header("cookie", cookie);
    assert_eq!(number(&mut second, TABLES).await, 1);
}

/// `map<string, SessionOptionValue>` with one text.
fn option(name: &str, value: &str) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let mut all = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        all.extend(bytes);
        all
    };
    let entry = [field(1, name.as_bytes()), field(2, &field(1, value.as_bytes()))].concat();
    field(1, &entry)
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_set_and_told() {
    let served = Served::new().await;
    let mut client = served.client().await;
    client
        .execute_update("CREATE TABLE processed.t AS SELECT 1 AS a".to_owned(), None)
        .await
        .unwrap();
    let set = act(&mut client, "SetSessionOptions", option("schema", "processed"))
        .await
        .unwrap()
        .unwrap();
    assert!(set.is_empty());
    let set = act(&mut client, "SetSessionOptions", option("catalog", "lake"))
        .await
        .unwrap()
        .unwrap();
    assert!(set.is_empty());
    assert_eq!(number(&mut client, TABLES).await, 1);
    let set = act(
        &mut client,
        "SetSessionOptions",
        option("weir.statement_timeout", "10s"),
    )
    .await
    .unwrap()
    .unwrap();
    assert!(set.is_empty());
    for (name, value) in [("schema", "nowhere"), ("nonsense", "1"), ("catalog", "other")] {
        let told = act(&mut client, "SetSessionOptions", option(name, value))
            .await
            .unwrap()
            .unwrap();
        assert!(!told.is_empty(), "{name}");
    }
    let all = act(&mut client, "GetSessionOptions", Vec::new())
        .await
        .unwrap()
        .unwrap();
    let all = String::from_utf8_lossy(&all).into_owned();
    assert!(all.contains("weir.statement_timeout") && all.contains("10s") && all.contains("processed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_uses_ends() {
    let served = Served::with(ServeOptions {
        idle: Duration::from_millis(300),
        ..options()
    })
    .await;
    let mut client = served.client().await;
    let prepared = client.prepare("SELECT 1".to_owned(), None).await.unwrap();
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    assert_eq!(served.server.held(), (1, 1));
    until(|| served.server.held() == (0, 0)).await;
    drop(prepared);
    let gone = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .err()
        .unwrap();
    assert_eq!(code(&gone), tonic::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_fetches_in_time_is_gone() {
    let served = Served::with(ServeOptions {
        fetched_within: Duration::from_millis(200),
        ..options()
    })
    .await;
    let mut client = served.client().await;
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    assert_eq!(served.server.held(), (1, 0));
    until(|| served.server.held() == (0, 0)).await;
    let late = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await;
    assert_eq!(code(&late.err().unwrap()), tonic::Code::NotFound);
    assert_eq!(number(&mut client, "SELECT 1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_reads_stops_when_it_is_closed() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let endless = "SELECT value FROM generate_series(1, 1000000000000)";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut rows = client.do_get(ticket).await.unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    act(&mut client, "CloseSession", Vec::new()).await.unwrap();
    let stopped = loop {
        match rows.try_next().await {
            Ok(batch) => assert!(batch.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(code(&stopped), tonic::Code::Cancelled);
    drop(rows);
    served.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_the_engine_are_told_in_grpcs_terms() {
    let served = Served::new().await;
    let mut client = served.client().await;
    client
        .execute_update("SET weir.statement_timeout = '3s'".to_owned(), None)
        .await
        .unwrap();
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let rows = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    let late = TryStreamExt::try_collect::<Vec<_>>(rows).await.unwrap_err();
    assert_eq!(code(&late), tonic::Code::DeadlineExceeded);
    client.execute_update("RESET ALL".to_owned(), None).await.unwrap();
    assert_eq!(query(&mut client, "SELECT 1").await[0].num_rows(), 1);
    assert!(arrow_flight::FlightInfo::decode(&b"\xff\xff"[..]).is_err());
}
