//! Actions: prepared statements, cancelling, renewing, session options.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command, ProstMessageExt,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, BasicAuth, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo, IpcMessage,
    RenewFlightEndpointRequest, SchemaAsIpc, Ticket,
};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use arrow::ipc::writer::IpcWriteOptions;
use prost::Message;
use prost::bytes::Bytes;
use tonic::Status;

use super::credentials::Credentials;
use super::run;
use super::service::Service;
use super::session_options::{self, CLOSED, CloseSessionResult, SetSessionOptionsRequest};
use super::sessions::Client;
use super::statements::Cancelled;
use super::status::malformed;
use super::wire::wire_type;
use crate::connection::PROGRESS_ACTION;

/// Every action, and what it does.
pub(super) const ALL: &[(&str, &str)] = &[
    (
        "CreatePreparedStatement",
        "Prepares a statement: ActionCreatePreparedStatementRequest → ActionCreatePreparedStatementResult",
    ),
    (
        "ClosePreparedStatement",
        "Closes a prepared statement: ActionClosePreparedStatementRequest",
    ),
    (
        "CancelFlightInfo",
        "Cancels a statement: CancelFlightInfoRequest → CancelFlightInfoResult",
    ),
    (
        "CancelQuery",
        "Cancels a statement, as older clients ask for it: ActionCancelQueryRequest → ActionCancelQueryResult",
    ),
    (
        "RenewFlightEndpoint",
        "Lets a result wait for longer: RenewFlightEndpointRequest → FlightEndpoint",
    ),
    (
        "SetSessionOptions",
        "Sets the session's catalog, schema and settings: SetSessionOptionsRequest → SetSessionOptionsResult",
    ),
    (
        "GetSessionOptions",
        "The session's options: GetSessionOptionsRequest → GetSessionOptionsResult",
    ),
    (
        PROGRESS_ACTION,
        "What the session's last statement has read and used so far: nothing → JSON, nothing before the first",
    ),
    (
        "CloseSession",
        "Ends the session: CloseSessionRequest → CloseSessionResult",
    ),
];

/// What an action is called in metrics and logs.
pub(super) fn name(action: &str) -> &'static str {
    ALL.iter()
        .map(|(name, _)| *name)
        .find(|known| *known == action)
        .unwrap_or("")
}

/// Carries an action out.
///
/// # Errors
/// Invalid argument for a body that is not the action's; unimplemented for another action.
pub(super) async fn run(
    service: &Service,
    client: &Arc<Client>,
    action: Action,
) -> Result<Option<Bytes>, Status> {
    let body = action.body;
    let answer = match action.r#type.as_str() {
        "CreatePreparedStatement" => create(service, client, unpacked(&body)?).await?,
        "ClosePreparedStatement" => {
            let request: ActionClosePreparedStatementRequest = unpacked(&body)?;
            service
                .statements
                .close(&request.prepared_statement_handle, &client.user);
            return Ok(None);
        }
        "CancelFlightInfo" => {
            let request: CancelFlightInfoRequest = decoded(&body)?;
            let info = request.info.ok_or_else(|| malformed("no flight info is named"))?;
            cancelled_info(cancel(service, client, &info)?)
        }
        "CancelQuery" => {
            let request: ActionCancelQueryRequest = unpacked(&body)?;
            let info: FlightInfo = decoded(&request.info)?;
            cancelled_query(cancel(service, client, &info)?)
        }
        "RenewFlightEndpoint" => renew(service, client, decoded(&body)?)?,
        "SetSessionOptions" => {
            let request: SetSessionOptionsRequest = decoded(&body)?;
            session_options::set(client, request).encode_to_vec()
        }
        PROGRESS_ACTION => match client.session.figures() {
            Some(told) => serde_json::to_vec(&told).map_err(|e| Status::internal(e.to_string()))?,
            None => return Ok(None),
        },
        "GetSessionOptions" => session_options::get(client).encode_to_vec(),
        "CloseSession" => {
            service.sessions.close(client);
            service.statements.end_session(client.session.id());
            service.polls.end_session(client.session.id());
            CloseSessionResult { status: CLOSED }.encode_to_vec()
        }
        "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
            return Err(Status::unimplemented(
                "there are no transactions: every statement is one commit",
            ));
        }
        other => {
            let shown: String = other.chars().take(100).collect();
            return Err(Status::unimplemented(format!("there is no action '{shown}'")));
        }
    };
    Ok(Some(answer.into()))
}

async fn create(
    service: &Service,
    client: &Arc<Client>,
    request: ActionCreatePreparedStatementRequest,
) -> Result<Vec<u8>, Status> {
    if request.transaction_id.is_some_and(|id| !id.is_empty()) {
        return Err(Status::unimplemented(
            "there are no transactions: every statement is one commit",
        ));
    }
    let (told, schema) = run::told(client, &request.query).await?;
    // No columns tell a driver that this is no query.
    let dataset_schema = match &schema {
        Some(schema) => ipc(schema)?,
        None => Bytes::new(),
    };
    let parameter_schema = match told.parameters.is_empty() {
        true => Bytes::new(),
        false => {
            let fields = told.parameters.iter();
            let fields = fields.map(|field| Field::new(field.name(), wire_type(field.data_type()), true));
            ipc(&Schema::new(fields.collect::<Vec<_>>()))?
        }
    };
    let result = ActionCreatePreparedStatementResult {
        prepared_statement_handle: service.statements.prepare(client, request.query, told, schema)?,
        dataset_schema,
        parameter_schema,
    };
    Ok(result.as_any().encode_to_vec())
}

fn ipc(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message = IpcMessage::try_from(SchemaAsIpc::new(schema, &options));
    let IpcMessage(bytes) = message.map_err(|e| Status::internal(e.to_string()))?;
    Ok(bytes)
}

fn handle(ticket: &Ticket) -> Result<Option<Bytes>, Status> {
    let any = Any::decode(ticket.ticket.clone()).map_err(malformed)?;
    let ticket: Option<TicketStatementQuery> = match Command::try_from(any).map_err(malformed)? {
        Command::TicketStatementQuery(ticket) => Some(ticket),
        _ => None,
    };
    Ok(ticket.map(|ticket| ticket.statement_handle))
}

fn cancel(service: &Service, client: &Client, info: &FlightInfo) -> Result<Cancelled, Status> {
    let mut all = Cancelled::Unknown;
    // One that is not complete has no ticket yet.
    if service.polls.cancel(&info.app_metadata, &client.user) {
        all = Cancelled::Yes;
    }
    for ticket in info
        .endpoint
        .iter()
        .filter_map(|endpoint| endpoint.ticket.as_ref())
    {
        if let Some(handle) = handle(ticket)?
            && service.statements.cancel(&handle, &client.user) == Cancelled::Yes
        {
            all = Cancelled::Yes;
        }
    }
    Ok(all)
}

fn cancelled_info(cancelled: Cancelled) -> Vec<u8> {
    let status = match cancelled {
        Cancelled::Yes => CancelStatus::Cancelled,
        Cancelled::Unknown => CancelStatus::NotCancellable,
    };
    CancelFlightInfoResult::new(status).encode_to_vec()
}

fn cancelled_query(cancelled: Cancelled) -> Vec<u8> {
    let status = match cancelled {
        Cancelled::Yes => CancelStatus::Cancelled,
        Cancelled::Unknown => CancelStatus::NotCancellable,
    };
    // The numbers are the same for both results.
    ActionCancelQueryResult {
        result: status as i32,
    }
    .as_any()
    .encode_to_vec()
}

fn renew(service: &Service, client: &Client, request: RenewFlightEndpointRequest) -> Result<Vec<u8>, Status> {
    let endpoint = request
        .endpoint
        .ok_or_else(|| malformed("no endpoint is named"))?;
    let ticket = endpoint
        .ticket
        .as_ref()
        .ok_or_else(|| malformed("the endpoint has no ticket"))?;
    let endpoint = match handle(ticket)? {
        Some(handle) => {
            let until = service.statements.renew(&handle, &client.user)?;
            endpoint.with_expiration_time(until.into())
        }
        // A ticket of metadata never expires.
        None => endpoint,
    };
    Ok(endpoint.encode_to_vec())
}

fn decoded<M: Message + Default>(body: &Bytes) -> Result<M, Status> {
    M::decode(body.clone()).map_err(malformed)
}

fn unpacked<M: ProstMessageExt>(body: &Bytes) -> Result<M, Status> {
    let any = Any::decode(body.clone()).map_err(malformed)?;
    let unpacked = any.unpack().map_err(malformed)?;
    unpacked.ok_or_else(|| malformed(format!("the body is no {}", M::type_url())))
}

/// A user and a password in a handshake's payload, as older clients send them.
pub(super) fn payload_credentials(payload: &Bytes) -> Option<Credentials> {
    let auth = BasicAuth::decode(payload.clone()).ok()?;
    (!auth.username.is_empty()).then_some(Credentials::Basic {
        user: auth.username,
        password: auth.password,
    })
}
