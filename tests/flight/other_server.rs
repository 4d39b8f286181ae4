//! Our connection to a server that is not ours: no handshake, no columns told, several endpoints, no cookies.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandPreparedStatementQuery, CommandStatementQuery,
    DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use weir::Parameters;
use weir::connection::{Connection, RemoteConnection};
use weir::engine::Body;
use weir::error::Code;

/// Answers every query with the numbers 1 to 4 in two parts, and a prepared one with what was bound.
#[derive(Clone, Default)]
struct Other {
    bound: Arc<Mutex<Vec<RecordBatch>>>,
    closed: Arc<Mutex<usize>>,
}

type Rows = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

fn numbers(of: &[i64]) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(of.to_vec())) as ArrayRef)]).unwrap()
}

fn endpoint(handle: &'static [u8]) -> FlightEndpoint {
    let ticket = TicketStatementQuery {
        statement_handle: handle.into(),
    };
    FlightEndpoint::new().with_ticket(Ticket::new(ticket.as_any().encode_to_vec()))
}

#[tonic::async_trait]
impl FlightSqlService for Other {
    type FlightService = Self;

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        if query.query.contains("nothing") {
            return Err(Status::not_found("no such table"));
        }
        let info = FlightInfo::new()
            .with_endpoint(endpoint(b"first"))
            .with_endpoint(endpoint(b"second"));
        Ok(Response::new(info))
    }

    async fn get_flight_info_prepared_statement(
        &self,
        _: CommandPreparedStatementQuery,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        Ok(Response::new(FlightInfo::new().with_endpoint(endpoint(b"bound"))))
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        _: Request<Ticket>,
    ) -> Result<Response<Rows>, Status> {
        let batches = match ticket.statement_handle.as_ref() {
            b"first" => vec![numbers(&[1, 2])],
            b"second" => vec![numbers(&[3]), numbers(&[4])],
            _ => self.bound.lock().clone(),
        };
        let rows = FlightDataEncoderBuilder::new().build(stream::iter(batches.into_iter().map(Ok)));
        Ok(Response::new(rows.map_err(Status::from).boxed()))
    }

    async fn do_action_create_prepared_statement(
        &self,
        _: ActionCreatePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let schema = Schema::new(vec![Field::new("$1", DataType::Int64, true)]);
        let options = IpcWriteOptions::default();
        let IpcMessage(parameter_schema) = SchemaAsIpc::new(&schema, &options).try_into().unwrap();
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: "a".into(),
            dataset_schema: Default::default(),
            parameter_schema,
        })
    }

    async fn do_put_prepared_statement_query(
        &self,
        _: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let messages = request.into_inner().map_err(FlightError::from);
        let batches = FlightRecordBatchStream::new_from_flight_data(messages);
        *self.bound.lock() = batches.try_collect().await?;
        Ok(DoPutPreparedStatementResult {
            prepared_statement_handle: None,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        _: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        *self.closed.lock() += 1;
        Ok(())
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

async fn connected(other: &Other) -> RemoteConnection {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("grpc://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder().add_service(FlightServiceServer::new(other.clone()));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    RemoteConnection::connect(&url.parse().unwrap(), None)
        .await
        .unwrap()
}

async fn values(connection: &RemoteConnection, sql: &str, parameters: &Parameters) -> Vec<i64> {
    let outcome = connection.execute(sql, parameters).next().await.unwrap().unwrap();
    let Body::Rows(rows) = outcome.body else {
        panic!("a query gives rows")
    };
    let batches: Vec<_> = rows.try_collect().await.unwrap();
    let values = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(values).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_spoken_to_as_well() {
    fn is_service<T: FlightService>(_: &T) {}
    let other = Other::default();
    is_service(&other);
    let connection = connected(&other).await;
    assert_eq!(
        values(&connection, "SELECT n FROM t", &Parameters::default()).await,
        [1, 2, 3, 4]
    );
    let bound = Parameters::default().with("1", datafusion::common::ScalarValue::from(42_i64));
    assert_eq!(values(&connection, "SELECT $1", &bound).await, [42]);
    assert_eq!(*other.closed.lock(), 1);
    let missing = connection
        .execute("SELECT * FROM nothing", &Parameters::default())
        .next()
        .await;
    let missing = missing.unwrap().unwrap_err();
    assert_eq!(missing.code(), Code::UndefinedTable);
    assert!(missing.message().contains("no such table"), "{missing}");
    connection.close().await;
}
