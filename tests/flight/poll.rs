//! PollFlightInfo: complete soon, or asked about again.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    CommandStatementIngest, CommandStatementQuery, ProstMessageExt, TableDefinitionOptions,
    TableExistsOption, TableNotExistOption,
};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor, PollInfo,
};
use futures::channel::mpsc;
use prost::Message;
use tonic::Request;
use tonic::transport::Channel;

use crate::client::{Client, Served, act, decode, fetch, number, until};

/// Polls as `client`'s session.
struct Poller {
    calls: FlightServiceClient<Channel>,
    token: String,
}

impl Poller {
    async fn of(served: &Served, client: &Client) -> Self {
        Self {
            calls: FlightServiceClient::new(served.channel().await),
            token: format!("Bearer {}", client.token().unwrap()),
        }
    }

    async fn poll(&mut self, descriptor: FlightDescriptor) -> Result<PollInfo, tonic::Status> {
        let mut request = Request::new(descriptor);
        request
            .metadata_mut()
            .insert("authorization", self.token.parse().unwrap());
        Ok(self.calls.poll_flight_info(request).await?.into_inner())
    }
}

fn statement(sql: &str) -> FlightDescriptor {
    let command = CommandStatementQuery {
        query: sql.to_owned(),
        transaction_id: None,
    };
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

fn rows() -> RecordBatch {
    let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    RecordBatch::try_from_iter([("id", ids)]).unwrap()
}

/// An ingest into `processed.t` that goes on until what is returned is dropped: its session's other
/// statements wait for it.
fn ingest(mut client: Client) -> mpsc::UnboundedSender<Result<RecordBatch, FlightError>> {
    let (sender, batches) = mpsc::unbounded();
    let command = CommandStatementIngest {
        table_definition_options: Some(TableDefinitionOptions {
            if_not_exist: TableNotExistOption::Create as i32,
            if_exists: TableExistsOption::Fail as i32,
        }),
        table: "t".to_owned(),
        schema: Some("processed".to_owned()),
        ..CommandStatementIngest::default()
    };
    sender.unbounded_send(Ok(rows())).unwrap();
    tokio::spawn(async move { client.execute_ingest(command, batches).await.unwrap() });
    sender
}

const INGESTING: &str =
    "SELECT count(*) FROM system.queries WHERE sql LIKE 'CREATE TABLE processed.t%' AND state <> 'finished'";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_or_done_soon_is_complete_at_once() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let mut poller = Poller::of(&served, &client).await;
    let told = poller.poll(statement("SELECT 1 AS a")).await.unwrap();
    assert!(told.flight_descriptor.is_none() && told.expiration_time.is_some());
    // The rows have not been computed: nothing is said of how far they are.
    assert_eq!(told.progress, None);
    assert_eq!(fetch(&mut client, told.info.unwrap()).await[0].num_rows(), 1);
    let refused = poller.poll(statement("SELEKT 1")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    until(|| served.server.held() == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_is_asked_about_until_it_is_done_once() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let mut watcher = served.client().await;
    let mut poller = Poller::of(&served, &client).await;
    let more = ingest(client.clone());
    while number(&mut watcher, INGESTING).await == 0 {}
    let insert = "INSERT INTO processed.t VALUES (4)";
    let begun = poller.poll(statement(insert)).await.unwrap();
    let again = begun.flight_descriptor.unwrap();
    assert!(begun.info.unwrap().endpoint.is_empty());
    assert_eq!(served.server.held().0, 1);
    // Others cannot ask about it.
    let other = served.client().await;
    let mut stranger = Poller::of(&served, &other).await;
    stranger.token = "Bearer stolen".to_owned();
    // Without users, whoever comes is the same local administrator, in a session of their own.
    assert!(stranger.poll(again.clone()).await.is_ok());
    drop(more);
    let done = loop {
        let told = poller.poll(again.clone()).await.unwrap();
        if told.flight_descriptor.is_none() {
            break told.info.unwrap();
        }
    };
    // It has one row, which says what was done.
    assert_eq!(fetch(&mut client, done).await[0].num_rows(), 1);
    assert_eq!(number(&mut watcher, "SELECT count(*) FROM processed.t").await, 4);
    // Its answer has been given.
    let gone = poller.poll(again).await.unwrap_err();
    assert_eq!(gone.code(), tonic::Code::NotFound);
    until(|| served.server.held() == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_about_can_be_cancelled_and_ends_with_its_session() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let mut watcher = served.client().await;
    let mut poller = Poller::of(&served, &client).await;
    let more = ingest(client.clone());
    while number(&mut watcher, INGESTING).await == 0 {}
    let begun = poller
        .poll(statement("INSERT INTO processed.t VALUES (4)"))
        .await
        .unwrap();
    let request = CancelFlightInfoRequest { info: begun.info };
    let answer = act(&mut client, "CancelFlightInfo", request.encode_to_vec())
        .await
        .unwrap();
    let answer: CancelFlightInfoResult = decode(answer);
    assert_eq!(answer.status(), CancelStatus::Cancelled);
    let gone = poller.poll(begun.flight_descriptor.unwrap()).await.unwrap_err();
    assert_eq!(gone.code(), tonic::Code::NotFound);
    let begun = poller
        .poll(statement("INSERT INTO processed.t VALUES (5)"))
        .await
        .unwrap();
    assert!(begun.flight_descriptor.is_some());
    act(&mut client, "CloseSession", Vec::new()).await.unwrap();
    until(|| served.server.held() == (0, 0)).await;
    drop(more);
    while number(&mut watcher, INGESTING).await > 0 {}
    until(|| served.server.held() == (0, 0)).await;
    assert_eq!(number(&mut watcher, "SELECT count(*) FROM processed.t").await, 3);
}
