//! The calls of a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, CommandPreparedStatementQuery, CommandStatementQuery,
    DoPutPreparedStatementResult, ProstMessageExt,
};
use arrow_flight::{Action, FlightDescriptor, FlightInfo, HandshakeRequest, IpcMessage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use prost::Message;
use prost::bytes::Bytes;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use super::failure::{error, of_flight, unreachable, unreadable};
use super::url::ServerUrl;
use crate::connection::{PROGRESS_ACTION, choose_cryptography};
use crate::engine::{Body, Done, Rows, Told};
use crate::error::{Code, Error, Result};
use crate::syntax::{Parameters, Piece, parameter_names};

const CONNECTING_AT_MOST: Duration = Duration::from_secs(20);
const LEAVING_AT_MOST: Duration = Duration::from_secs(2);
const KEEPALIVE: Duration = Duration::from_secs(30);
const WINDOW: u32 = 4 << 20;

/// A channel to a server, and what stands for the session there.
#[derive(Debug)]
pub(super) struct Calls {
    client: FlightServiceClient<Channel>,
    /// `Bearer …`, once the server has given a token.
    token: Mutex<Option<String>>,
    cookie: Mutex<Option<String>>,
    /// Whether the server tells how far statements are, as far as is known.
    tells: AtomicBool,
}

/// What a server of this program says of a statement beside its rows.
#[derive(Debug, Default, serde::Deserialize)]
struct Word {
    message: Option<String>,
    affected: Option<u64>,
}

impl Calls {
    pub(super) async fn connect(url: &ServerUrl, password: Option<&str>) -> Result<Self> {
        let failed = |e| unreachable(url, e);
        let mut endpoint = Endpoint::from_shared(url.endpoint())
            .map_err(failed)?
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .map_err(failed)?
            .connect_timeout(CONNECTING_AT_MOST)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * 4);
        if url.is_tls {
            choose_cryptography();
            let config = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(config).map_err(failed)?;
        }
        let channel = endpoint.connect().await.map_err(failed)?;
        let calls = Self {
            client: FlightServiceClient::new(channel)
                .max_decoding_message_size(usize::MAX)
                .max_encoding_message_size(usize::MAX),
            token: Mutex::default(),
            cookie: Mutex::default(),
            tells: AtomicBool::new(true),
        };
        calls.log_in(url, password).await?;
        Ok(calls)
    }

    /// A handshake, for a token. A server that has none to give does without.
    async fn log_in(&self, url: &ServerUrl, password: Option<&str>) -> Result<()> {
        let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
        if let Some(user) = &url.user {
            if !url.may_carry_passwords() {
                let refused = Error::new(
                    Code::InvalidValue,
                    "a password is not sent without TLS to another machine",
                );
                return Err(refused.with_hint("connect to grpc+tls://…"));
            }
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()));
            let header = format!("Basic {pair}").parse();
            let header = header.map_err(|_| Error::new(Code::InvalidValue, "the user is no header"))?;
            request.metadata_mut().insert("authorization", header);
        }
        let response = match self.client.clone().handshake(request).await {
            Ok(response) => response,
            Err(status) if status.code() == tonic::Code::Unimplemented && url.user.is_none() => return Ok(()),
            Err(status) => return Err(error(&status)),
        };
        let bearer = response.metadata().get("authorization").cloned();
        let mut messages = response.into_inner();
        while messages.message().await.map_err(|e| error(&e))?.is_some() {}
        let bearer = bearer.as_ref().and_then(|value| value.to_str().ok());
        *self.token.lock() = bearer
            .filter(|value| value.starts_with("Bearer "))
            .map(str::to_owned);
        Ok(())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let headers = [
            ("authorization", self.token.lock().clone()),
            ("cookie", self.cookie.lock().clone()),
        ];
        for (name, value) in headers {
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                request.metadata_mut().insert(name, value);
            }
        }
        request
    }

    /// The answer's message; its cookie is kept.
    fn answer<T>(&self, response: Result<Response<T>, Status>) -> Result<T> {
        let response = response.map_err(|status| error(&status))?;
        if let Some(cookie) = cookie(response.metadata()) {
            *self.cookie.lock() = Some(cookie);
        }
        Ok(response.into_inner())
    }

    /// Runs one statement. `text` is the statement `piece` with its place.
    pub(super) async fn run(
        self: &Arc<Self>,
        text: String,
        piece: &Piece,
        parameters: &Parameters,
    ) -> Result<Body> {
        if parameter_names(piece).is_empty() {
            let command = CommandStatementQuery {
                query: text,
                transaction_id: None,
            };
            let info = self.info(&command).await?;
            return self.body(info).await;
        }
        let prepared = self.prepare(text).await?;
        let handle = prepared.prepared_statement_handle.clone();
        let body = self.run_prepared(prepared, piece, parameters).await;
        let closed = self.close(handle).await;
        let body = body?;
        closed?;
        Ok(body)
    }

    async fn info(&self, command: &impl ProstMessageExt) -> Result<FlightInfo> {
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let response = self
            .client
            .clone()
            .get_flight_info(self.request(descriptor))
            .await;
        self.answer(response)
    }

    /// The rows of a flight info, or word of what was done.
    async fn body(self: &Arc<Self>, info: FlightInfo) -> Result<Body> {
        let word: Word = serde_json::from_slice(&info.app_metadata).unwrap_or_default();
        if let Some(message) = word.message {
            return Ok(Body::Done(Done {
                message,
                affected: word.affected,
            }));
        }
        let told = match info.schema.is_empty() {
            true => None,
            false => Some(schema(info.schema.clone())?),
        };
        let tickets: Vec<_> = info
            .endpoint
            .into_iter()
            .filter_map(|endpoint| endpoint.ticket)
            .collect();
        let mut tickets = tickets.into_iter();
        let Some(first) = tickets.next() else {
            let schema = told.unwrap_or_else(|| Arc::new(Schema::empty()));
            return Ok(Body::Rows(Rows::new(schema, stream::empty().boxed())));
        };
        let mut rows = self.rows(first).await?;
        let (first, schema) = match told {
            Some(schema) => (None, schema),
            None => {
                let first = rows.try_next().await.map_err(of_flight)?;
                let schema = rows
                    .schema()
                    .cloned()
                    .unwrap_or_else(|| Arc::new(Schema::empty()));
                (first, schema)
            }
        };
        let calls = Arc::clone(self);
        let more = stream::iter(tickets).then(move |ticket| {
            let calls = Arc::clone(&calls);
            async move { Ok::<_, Error>(calls.rows(ticket).await?.map_err(of_flight)) }
        });
        let rows = stream::iter(first.map(Ok))
            .chain(rows.map_err(of_flight))
            .chain(more.try_flatten());
        Ok(Body::Rows(Rows::new(schema, rows.boxed())))
    }

    async fn rows(&self, ticket: arrow_flight::Ticket) -> Result<FlightRecordBatchStream> {
        let response = self.client.clone().do_get(self.request(ticket)).await;
        let messages = self.answer(response)?;
        Ok(FlightRecordBatchStream::new_from_flight_data(
            messages.map_err(FlightError::from),
        ))
    }

    async fn prepare(&self, query: String) -> Result<ActionCreatePreparedStatementResult> {
        let request = ActionCreatePreparedStatementRequest {
            query,
            transaction_id: None,
        };
        let answer = self.act("CreatePreparedStatement", &request).await?;
        let answer = answer.ok_or_else(|| unreadable("no prepared statement"))?;
        let any = Any::decode(answer).map_err(unreadable)?;
        any.unpack()
            .map_err(unreadable)?
            .ok_or_else(|| unreadable("no prepared statement"))
    }

    async fn close(&self, handle: Bytes) -> Result<()> {
        let request = ActionClosePreparedStatementRequest {
            prepared_statement_handle: handle,
        };
        self.act("ClosePreparedStatement", &request).await.map(drop)
    }

    /// Ends the session, where the server has given one. Whatever it answers, nothing more is asked of it.
    pub(super) async fn close_session(&self) {
        if self.token.lock().is_none() && self.cookie.lock().is_none() {
            return;
        }
        let action = self.request(Action::new("CloseSession", Bytes::new()));
        let mut client = self.client.clone();
        let closed = async move {
            let mut results = client.do_action(action).await?.into_inner();
            while results.message().await?.is_some() {}
            Ok::<_, Status>(())
        };
        // One that does not answer, or knows no such action, ends the session by itself.
        drop(tokio::time::timeout(LEAVING_AT_MOST, closed).await);
    }

    /// Whether it is worth asking how far a statement is.
    pub(super) fn tells(&self) -> bool {
        self.tells.load(Ordering::Relaxed)
    }

    /// What the server tells of the session's last statement. One that does not answer is not asked again.
    pub(super) async fn told(&self) -> Option<Told> {
        let answer = self.act_with(Action::new(PROGRESS_ACTION, Bytes::new())).await;
        if answer.is_err() {
            self.tells.store(false, Ordering::Relaxed);
        }
        serde_json::from_slice(&answer.ok()??).ok()
    }

    async fn act(&self, name: &str, request: &impl ProstMessageExt) -> Result<Option<Bytes>> {
        self.act_with(Action::new(name, request.as_any().encode_to_vec()))
            .await
    }

    async fn act_with(&self, action: Action) -> Result<Option<Bytes>> {
        let response = self.client.clone().do_action(self.request(action)).await;
        let mut results = self.answer(response)?;
        let mut first = None;
        while let Some(result) = results.message().await.map_err(|e| error(&e))? {
            first.get_or_insert(result.body);
        }
        Ok(first)
    }

    async fn run_prepared(
        self: &Arc<Self>,
        prepared: ActionCreatePreparedStatementResult,
        piece: &Piece,
        parameters: &Parameters,
    ) -> Result<Body> {
        let mut command = CommandPreparedStatementQuery {
            prepared_statement_handle: prepared.prepared_statement_handle,
        };
        let wanted = match prepared.parameter_schema.is_empty() {
            true => Arc::new(Schema::empty()),
            false => schema(prepared.parameter_schema)?,
        };
        let values = values(&wanted, piece, parameters)?;
        if let Some(handle) = self.bind(&command, values).await? {
            command.prepared_statement_handle = handle;
        }
        let info = self.info(&command).await?;
        self.body(info).await
    }

    /// Binds values; a server may answer with another handle.
    async fn bind(
        &self,
        command: &CommandPreparedStatementQuery,
        values: RecordBatch,
    ) -> Result<Option<Bytes>> {
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let encoder = FlightDataEncoderBuilder::new()
            .with_flight_descriptor(Some(descriptor))
            .with_schema(values.schema());
        let messages: Vec<_> = encoder
            .build(stream::iter([Ok(values)]))
            .try_collect()
            .await
            .map_err(of_flight)?;
        let response = self
            .client
            .clone()
            .do_put(self.request(stream::iter(messages)))
            .await;
        let mut results = self.answer(response)?;
        let Some(result) = results.message().await.map_err(|e| error(&e))? else {
            return Ok(None);
        };
        let result = DoPutPreparedStatementResult::decode(result.app_metadata).map_err(unreadable)?;
        Ok(result.prepared_statement_handle)
    }
}

/// The values of the parameters that a server asks for, as one row.
fn values(wanted: &Schema, piece: &Piece, parameters: &Parameters) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in wanted.fields() {
        let name = field.name().trim_start_matches('$');
        let value = parameters.get(name).ok_or_else(|| {
            let missing = Error::new(
                Code::UndefinedParameter,
                format!("parameter '${name}' has no value"),
            );
            match piece.locate_parameter(name) {
                Some(place) => missing.at(place),
                None => missing,
            }
        })?;
        let column = value
            .to_array()
            .map_err(|e| Error::new(Code::InvalidValue, e.to_string()))?;
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
    batch.map_err(|e| Error::new(Code::InvalidValue, e.to_string()))
}

fn schema(bytes: Bytes) -> Result<SchemaRef> {
    let schema = Schema::try_from(IpcMessage(bytes)).map_err(unreadable)?;
    Ok(Arc::new(schema))
}

/// The cookies that a server sets, as they are sent back.
fn cookie(headers: &MetadataMap) -> Option<String> {
    let all = headers.get_all("set-cookie").iter();
    let pairs = all.filter_map(|value| value.to_str().ok()?.split(';').next().map(str::to_owned));
    let pairs: Vec<String> = pairs.collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}
