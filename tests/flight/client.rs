//! A server on a new lake, and a client of it.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, FlightInfo};
use futures::TryStreamExt;
use prost::Message;
use prost::bytes::Bytes;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use weir::flight::{ServeOptions, Server};
use weir::{Lake, LakeOptions};

pub(crate) type Client = FlightSqlServiceClient<Channel>;

/// A server, and the folder of its lake.
pub(crate) struct Served {
    pub server: Server,
    pub lake: Lake,
    pub folder: TempDir,
}

pub(crate) fn options() -> ServeOptions {
    ServeOptions {
        bind: ([127, 0, 0, 1], 0).into(),
        ..ServeOptions::default()
    }
}

impl Served {
    pub(crate) async fn new() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: ServeOptions) -> Self {
        Self::of(LakeOptions::default(), options).await
    }

    pub(crate) async fn of(lake: LakeOptions, options: ServeOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Lake::init(folder.path()).unwrap();
        let lake = Lake::open(folder.path(), lake).await.unwrap();
        let server = Server::start(lake.clone(), options).await.unwrap();
        Self { server, lake, folder }
    }

    pub(crate) async fn channel(&self) -> Channel {
        let url = format!("http://{}", self.server.address());
        Endpoint::from_shared(url).unwrap().connect().await.unwrap()
    }

    /// A client that has logged in with nothing.
    pub(crate) async fn client(&self) -> Client {
        let mut client = FlightSqlServiceClient::new(self.channel().await);
        client.handshake("", "").await.unwrap();
        client
    }
}

pub(crate) async fn fetch(client: &mut Client, info: FlightInfo) -> Vec<RecordBatch> {
    let mut all = Vec::new();
    for endpoint in info.endpoint {
        let rows = client.do_get(endpoint.ticket.unwrap()).await.unwrap();
        all.extend(rows.try_collect::<Vec<_>>().await.unwrap());
    }
    all
}

/// The rows of a query.
pub(crate) async fn query(client: &mut Client, sql: &str) -> Vec<RecordBatch> {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    fetch(client, info).await
}

/// The rows of a query as a table of text.
pub(crate) async fn table(client: &mut Client, sql: &str) -> String {
    pretty_format_batches(&query(client, sql).await)
        .unwrap()
        .to_string()
}

/// The one number of a query.
pub(crate) async fn number(client: &mut Client, sql: &str) -> i64 {
    let batches = query(client, sql).await;
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// The schema of a query's rows as they are fetched.
pub(crate) async fn fetched_schema(client: &mut Client, info: FlightInfo) -> SchemaRef {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut rows = client.do_get(ticket).await.unwrap();
    while rows.try_next().await.unwrap().is_some() {}
    rows.schema().cloned().unwrap()
}

/// The first result of an action.
pub(crate) async fn act(client: &mut Client, name: &str, body: Vec<u8>) -> Result<Option<Bytes>, String> {
    let results = client.do_action(Action::new(name, body)).await;
    let mut results = results.map_err(|e| e.to_string())?;
    let first = results.message().await.map_err(|e| e.to_string())?;
    Ok(first.map(|result| result.body))
}

/// The gRPC code of an error of the client.
pub(crate) fn code(error: &arrow_flight::error::FlightError) -> tonic::Code {
    match error {
        arrow_flight::error::FlightError::Tonic(status) => status.code(),
        other => panic!("{other}"),
    }
}

pub(crate) fn decode<M: Message + Default>(bytes: Option<Bytes>) -> M {
    M::decode(bytes.unwrap()).unwrap()
}

impl Served {
    /// Waits until no result, statement or session is there any more, and no memory is held.
    pub(crate) async fn nothing_is_left(&self) {
        until(|| {
            let usage = self.lake.usage();
            let statements = (usage.running, usage.waiting, usage.memory);
            self.server.held() == (0, 0) && self.server.sessions() == 0 && statements == (0, 0, 0)
        })
        .await;
    }
}

/// Waits until `is_so`; the test's own time limit ends it.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
