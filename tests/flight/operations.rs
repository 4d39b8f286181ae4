//! What operators ask of a server: health, reflection, metrics, and an end in good order.

use std::time::Duration;

use futures::{TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use weir::flight::ServeOptions;

use crate::client::{Served, options, query};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer() {
    let served = Served::new().await;
    let mut health = HealthClient::new(served.channel().await);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);
    let mut reflection = ServerReflectionClient::new(served.channel().await);
    let wishes = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("arrow.flight.protocol.FlightService".to_owned()),
        MessageRequest::FileContainingSymbol("arrow.flight.protocol.FlightInfo".to_owned()),
    ];
    let requests = wishes.map(|wish| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(wish),
    });
    let answers = reflection
        .server_reflection_info(stream::iter(requests))
        .await
        .unwrap();
    let answers: Vec<_> = answers.into_inner().try_collect().await.unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = &answers[0].message_response else {
        panic!("{answers:?}")
    };
    let names: Vec<&str> = services
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(
        names.contains(&"arrow.flight.protocol.FlightService"),
        "{names:?}"
    );
    for answer in &answers[1..] {
        assert!(
            matches!(
                answer.message_response,
                Some(MessageResponse::FileDescriptorResponse(_))
            ),
            "{answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_read_over_http() {
    let metrics = Some(([127, 0, 0, 1], 0).into());
    let served = Served::with(ServeOptions { metrics, ..options() }).await;
    let mut client = served.client().await;
    query(&mut client, "SELECT value FROM generate_series(1, 1000)").await;
    let url = served.server.metrics_url().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let lines = [
        "weir_calls_total{method=\"DoGet\",command=\"TicketStatementQuery\",status=\"ok\"} 1",
        "weir_rows_sent_total 1000",
        "weir_sessions 1",
        "weir_results 0",
        "weir_prepared_statements 0",
        "weir_statements_running 0",
        "weir_statements_waiting 0",
        "weir_statements_total{state=\"finished\"} 1",
        "weir_memory_bytes 0",
        "weir_cache_bytes ",
        "weir_bytes_sent_total ",
        "weir_call_seconds_count{method=\"DoGet\",command=\"TicketStatementQuery\"} 1",
    ];
    for line in lines {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("weir_memory_limit_bytes"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_lets_statements_end_and_then_ends_them() {
    let drain = Duration::from_millis(200);
    let served = Served::with(ServeOptions { drain, ..options() }).await;
    let mut client = served.client().await;
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let rows = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    let reading = tokio::spawn(rows.try_collect::<Vec<_>>());
    let Served { server, folder, .. } = served;
    let address = server.address();
    server.stop().await;
    assert!(reading.await.unwrap().is_err());
    assert!(TcpStream::connect(address).await.is_err());
    drop(folder);
}
