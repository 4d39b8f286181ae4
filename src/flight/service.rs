//! The calls of Flight, each for the session that makes it.
//!
//! Commands of Flight SQL are told apart here; what they do is in `run`, `metadata`, `actions` and
//! `ingest`. Own beside arrow-flight's trait for SQL, whose service answers neither GetSchema nor
//! PollFlightInfo nor ListFlights.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{
    Any, Command, CommandPreparedStatementQuery, DoPutPreparedStatementResult, DoPutUpdateResult,
    ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::{Stream, StreamExt, stream};
use prost::Message;
use prost::bytes::Bytes;
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status, Streaming};
use tracing::Span;

use super::credentials::Credentials;
use super::decode::Put;
use super::encode::encode;
use super::link::Link;
use super::observe::{Observer, counted};
use super::poll::Polls;
use super::run::{self, Answer};
use super::sessions::{COOKIE, Client, Sessions};
use super::statements::Statements;
use super::status::{malformed, refused};
use super::{actions, ingest, metadata, parameters};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service of one server.
#[derive(Clone)]
pub(super) struct Service {
    pub sessions: Arc<Sessions>,
    pub statements: Arc<Statements>,
    pub polls: Arc<Polls>,
    pub observer: Arc<Observer>,
}

/// A call: for whom, and what the answer's headers tell.
pub(super) struct Call {
    pub client: Arc<Client>,
    new_token: Option<String>,
    is_tls: bool,
}

impl Call {
    /// The answer, with the session's cookie where it is new.
    pub(super) fn respond<T>(&self, answer: T) -> Response<T> {
        let mut response = Response::new(answer);
        if let Some(token) = &self.new_token {
            let secure = if self.is_tls { "; Secure" } else { "" };
            let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
            if let Ok(cookie) = cookie.parse() {
                response.metadata_mut().insert("set-cookie", cookie);
            }
        }
        response
    }
}

impl Service {
    /// Who makes the call.
    pub(super) async fn call(&self, headers: &MetadataMap, extensions: &Extensions) -> Result<Call, Status> {
        let link = link(extensions)?;
        let span = Span::current();
        span.record("peer", link.peer().to_string());
        let caller = self.sessions.caller(headers, &link).await?;
        span.record("session", caller.client.session.id());
        Ok(Call {
            client: caller.client,
            new_token: caller.new_token,
            is_tls: is_tls(extensions),
        })
    }

    /// What a descriptor's command tells before it is run: its columns.
    async fn told_schema(&self, client: &Client, command: &Command) -> Result<SchemaRef, Status> {
        if let Some(schema) = metadata::schema(command) {
            return Ok(schema);
        }
        let schema = match command {
            Command::CommandStatementQuery(query) => {
                no_transaction(query.transaction_id.as_ref())?;
                run::told(client, &query.query).await?.1
            }
            Command::CommandPreparedStatementQuery(query) => {
                let statement = self
                    .statements
                    .prepared(&query.prepared_statement_handle, &client.user)?;
                statement.schema.clone()
            }
            other => return Err(unsupported(other)),
        };
        Ok(schema.unwrap_or_else(|| Arc::new(Schema::empty())))
    }

    /// Plans or carries out what a descriptor asks for.
    pub(super) async fn info(
        &self,
        client: &Arc<Client>,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let command = command(&descriptor)?;
        if let Some(schema) = metadata::schema(&command) {
            let ticket = Ticket::new(command.into_any().encode_to_vec());
            return flight_info(&schema, descriptor, FlightEndpoint::new().with_ticket(ticket));
        }
        let answer = match &command {
            Command::CommandStatementQuery(query) => {
                no_transaction(query.transaction_id.as_ref())?;
                run::text(client, &query.query, &Default::default()).await?
            }
            Command::CommandPreparedStatementQuery(query) => {
                let statement = self
                    .statements
                    .prepared(&query.prepared_statement_handle, &client.user)?;
                run::prepared(client, &statement).await?
            }
            other => return Err(unsupported(other)),
        };
        self.offer(answer, descriptor)
    }

    fn offer(&self, answer: Answer, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
        let (schema, word, statement_handle) = match answer {
            Answer::Rows(waiting) => {
                Span::current().record("query", waiting.record.id());
                let word = Word {
                    query: Some(waiting.record.id().to_owned()),
                    ..Word::default()
                };
                (
                    Arc::clone(&waiting.schema),
                    word,
                    self.statements.offer(*waiting)?,
                )
            }
            Answer::Done(done) => {
                let word = Word {
                    message: Some(done.message),
                    affected: done.affected,
                    query: None,
                };
                // Nothing waits: whoever fetches it gets nothing, and it takes no place.
                (Arc::new(Schema::empty()), word, Bytes::new())
            }
        };
        let ticket = TicketStatementQuery { statement_handle };
        let endpoint = FlightEndpoint::new()
            .with_ticket(Ticket::new(ticket.as_any().encode_to_vec()))
            .with_expiration_time(self.statements.until().into());
        let word = serde_json::to_vec(&word).unwrap_or_default();
        Ok(flight_info(&schema, descriptor, endpoint)?.with_app_metadata(word))
    }

    /// The rows that a ticket stands for.
    async fn rows(&self, client: &Arc<Client>, ticket: Ticket) -> Result<Replies<FlightData>, Status> {
        let command = Command::try_from(any(&ticket.ticket)?).map_err(malformed)?;
        let handle = match command {
            Command::TicketStatementQuery(ticket) => ticket.statement_handle,
            // The driver of some clients fetches without asking first.
            Command::CommandStatementQuery(_) | Command::CommandPreparedStatementQuery(_) => {
                return Err(malformed(
                    "a statement's rows are fetched by the ticket of its flight info",
                ));
            }
            other => {
                let batch = metadata::rows(&client.session, &other).await?;
                return Ok(encode_metadata(batch));
            }
        };
        if handle.is_empty() {
            return Ok(encode(Arc::new(Schema::empty()), stream::empty()));
        }
        let (waiting, reading) = self.statements.take(&handle, &client.user)?;
        let busy = (client.busy(), waiting.client.busy(), reading);
        Span::current().record("query", waiting.record.id());
        let rows = counted(waiting.rows, Arc::clone(&self.observer)).map(move |batch| {
            // The result counts as running for as long as somebody reads it.
            let _held = &busy;
            batch.map_err(refused)
        });
        Ok(encode(waiting.schema, rows))
    }

    async fn put(&self, client: &Arc<Client>, put: Put) -> Result<PutResult, Status> {
        let Put {
            descriptor,
            schema,
            batches,
        } = put;
        let answer = match command(&descriptor)? {
            Command::CommandStatementUpdate(update) => {
                no_transaction(update.transaction_id.as_ref())?;
                update_result(run::update(client, &update.query).await?)
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let statement = self
                    .statements
                    .prepared(&update.prepared_statement_handle, &client.user)?;
                let bound = parameters::bound(&statement.told, batches).await?;
                // Without columns nothing is bound now: it may have been before, by a call of its own.
                if schema.is_some_and(|schema| !schema.fields().is_empty()) {
                    *statement.bound.lock() = Some(bound);
                }
                update_result(run::prepared_update(client, &statement).await?)
            }
            Command::CommandPreparedStatementQuery(query) => {
                let CommandPreparedStatementQuery {
                    prepared_statement_handle: handle,
                } = query;
                let statement = self.statements.prepared(&handle, &client.user)?;
                let bound = parameters::bound(&statement.told, batches).await?;
                *statement.bound.lock() = Some(bound);
                let result = DoPutPreparedStatementResult {
                    prepared_statement_handle: Some(handle),
                };
                result.encode_to_vec()
            }
            Command::CommandStatementIngest(command) => {
                update_result(ingest::run(client, command, schema, batches).await?)
            }
            other => return Err(unsupported(&other)),
        };
        Ok(PutResult {
            app_metadata: answer.into(),
        })
    }
}

/// What a statement's flight info says of it, for clients of our own.
#[derive(Default, serde::Serialize)]
struct Word {
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affected: Option<u64>,
}

fn update_result(record_count: i64) -> Vec<u8> {
    DoPutUpdateResult { record_count }.encode_to_vec()
}

fn encode_metadata(batch: arrow::array::RecordBatch) -> Replies<FlightData> {
    let encoder = arrow_flight::encode::FlightDataEncoderBuilder::new().with_schema(batch.schema());
    let encoded = encoder.build(stream::iter([Ok(batch)]));
    Box::pin(encoded.map(|data| data.map_err(|e| Status::internal(e.to_string()))))
}

fn flight_info(
    schema: &Schema,
    descriptor: FlightDescriptor,
    endpoint: FlightEndpoint,
) -> Result<FlightInfo, Status> {
    let info = FlightInfo::new()
        .with_descriptor(descriptor)
        .with_endpoint(endpoint)
        .with_ordered(true);
    info.try_with_schema(schema)
        .map_err(|e| Status::internal(e.to_string()))
}

fn any(bytes: &Bytes) -> Result<Any, Status> {
    Any::decode(bytes.clone()).map_err(|e| malformed(format!("this is no command: {e}")))
}

fn command(descriptor: &FlightDescriptor) -> Result<Command, Status> {
    if descriptor.cmd.is_empty() {
        return Err(malformed(
            "the descriptor has no command; flights have no paths here",
        ));
    }
    Command::try_from(any(&descriptor.cmd)?).map_err(malformed)
}

fn unsupported(command: &Command) -> Status {
    let name = command
        .type_url()
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    Status::unimplemented(format!("'{name}' is not supported in this call"))
}

fn no_transaction(id: Option<&Bytes>) -> Result<(), Status> {
    match id.is_some_and(|id| !id.is_empty()) {
        true => Err(Status::unimplemented(
            "there are no transactions: every statement is one commit",
        )),
        false => Ok(()),
    }
}

fn link(extensions: &Extensions) -> Result<Link, Status> {
    Link::of(extensions).ok_or_else(|| Status::internal("the connection is not known"))
}

fn is_tls(extensions: &Extensions) -> bool {
    extensions
        .get::<tonic::transport::server::TlsConnectInfo<Link>>()
        .is_some()
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Replies<HandshakeResponse>;
    type ListFlightsStream = Replies<FlightInfo>;
    type DoGetStream = Replies<FlightData>;
    type DoPutStream = Replies<PutResult>;
    type DoActionStream = Replies<arrow_flight::Result>;
    type ListActionsStream = Replies<ActionType>;
    type DoExchangeStream = Replies<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let work = async {
            let (headers, extensions, mut messages) = request.into_parts();
            let link = link(&extensions)?;
            Span::current().record("peer", link.peer().to_string());
            let mut credentials = Credentials::of(&headers)?;
            if credentials.is_none()
                && let Some(message) = messages.message().await?
            {
                credentials = actions::payload_credentials(&message.payload);
            }
            let token = self.sessions.handshake(credentials, &headers, &link).await?;
            let answer = HandshakeResponse {
                protocol_version: 0,
                payload: Bytes::from(token.clone()),
            };
            let mut response: Response<Self::HandshakeStream> =
                Response::new(Box::pin(stream::iter([Ok(answer)])));
            let bearer = format!("Bearer {token}").parse();
            let bearer = bearer.map_err(|_| Status::internal("the token is no header"))?;
            response.metadata_mut().insert("authorization", bearer);
            Ok(response)
        };
        self.observer.call("Handshake", "", work).await
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            // What waits to be fetched is its client's alone, and is not listed.
            let none: Self::ListFlightsStream = Box::pin(stream::empty());
            Ok(call.respond(none))
        };
        self.observer.call("ListFlights", "", work).await
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let name = command_name(&request.get_ref().cmd);
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            let info = self.info(&call.client, request.into_inner()).await?;
            Ok(call.respond(info))
        };
        self.observer.call("GetFlightInfo", name, work).await
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let name = command_name(&request.get_ref().cmd);
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            let info = self.polls.poll(self, &call.client, request.into_inner()).await?;
            Ok(call.respond(info))
        };
        self.observer.call("PollFlightInfo", name, work).await
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let name = command_name(&request.get_ref().cmd);
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            let command = command(request.get_ref())?;
            let schema = self.told_schema(&call.client, &command).await?;
            let options = IpcWriteOptions::default();
            let schema = SchemaResult::try_from(SchemaAsIpc::new(&schema, &options));
            Ok(call.respond(schema.map_err(|e| Status::internal(e.to_string()))?))
        };
        self.observer.call("GetSchema", name, work).await
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let name = command_name(&request.get_ref().ticket);
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            let rows = self.rows(&call.client, request.into_inner()).await?;
            Ok(call.respond(rows))
        };
        self.observer.call("DoGet", name, work).await
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let named = OnceLock::new();
        let work = async {
            let (headers, extensions, messages) = request.into_parts();
            let call = self.call(&headers, &extensions).await?;
            let put = Put::begin(messages).await?;
            named.get_or_init(|| command_name(&put.descriptor.cmd));
            let result = self.put(&call.client, put).await?;
            let result: Self::DoPutStream = Box::pin(stream::iter([Ok(result)]));
            Ok(call.respond(result))
        };
        self.observer.named_call("DoPut", &named, work).await
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let name = actions::name(&request.get_ref().r#type);
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            let body = actions::run(self, &call.client, request.into_inner()).await?;
            let results = body.into_iter().map(|body| Ok(arrow_flight::Result { body }));
            let results: Self::DoActionStream = Box::pin(stream::iter(results.collect::<Vec<_>>()));
            Ok(call.respond(results))
        };
        self.observer.call("DoAction", name, work).await
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let work = async {
            let call = self.call(request.metadata(), request.extensions()).await?;
            let all = actions::ALL.iter().map(|(name, description)| {
                Ok(ActionType {
                    r#type: (*name).to_owned(),
                    description: (*description).to_owned(),
                })
            });
            let all: Self::ListActionsStream = Box::pin(stream::iter(all.collect::<Vec<_>>()));
            Ok(call.respond(all))
        };
        self.observer.call("ListActions", "", work).await
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        let work = async {
            self.call(request.metadata(), request.extensions()).await?;
            Err(Status::unimplemented(
                "exchanges are not supported: put rows, and get them",
            ))
        };
        self.observer.call("DoExchange", "", work).await
    }
}

/// What a command is called in metrics and logs; only names that are known, so that no client makes more.
fn command_name(bytes: &Bytes) -> &'static str {
    const NAMES: [&str; 17] = [
        "TicketStatementQuery",
        "CommandStatementQuery",
        "CommandStatementUpdate",
        "CommandStatementIngest",
        "CommandPreparedStatementQuery",
        "CommandPreparedStatementUpdate",
        "CommandGetCatalogs",
        "CommandGetDbSchemas",
        "CommandGetTables",
        "CommandGetTableTypes",
        "CommandGetSqlInfo",
        "CommandGetXdbcTypeInfo",
        "CommandGetPrimaryKeys",
        "CommandGetExportedKeys",
        "CommandGetImportedKeys",
        "CommandGetCrossReference",
        "CommandStatementSubstraitPlan",
    ];
    let Ok(any) = Any::decode(bytes.clone()) else {
        return "";
    };
    let name = any.type_url.rsplit('.').next().unwrap_or_default();
    NAMES.into_iter().find(|known| *known == name).unwrap_or("")
}
