//! Random and mutated messages: an answer for each, and the server answers on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, CommandGetTables, CommandPreparedStatementQuery,
    CommandStatementIngest, CommandStatementQuery, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, HandshakeRequest, Ticket};
use futures::{TryStreamExt, stream};
use prost::Message;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tonic::transport::Channel;
use tonic::{Code as Grpc, Response, Status, Streaming};
use weir::flight::ServeOptions;

use crate::client::{Served, act, number, options, until};
use crate::process::Program;

/// How many messages are sent of each kind.
const MESSAGES: usize = 8000;
const BATCHES: usize = 2500;

/// Panics in this process since the first test of this file began, wherever they were caught; but for those
/// of arrow's decoder, which does not always say that a message is wrong: they are caught where it is called.
fn panics() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_of_decoder = |file: &str| file.contains("/arrow-");
            if !info.location().is_some_and(|place| is_of_decoder(place.file())) {
                COUNT.fetch_add(1, Ordering::Relaxed);
                before(info);
            }
        }));
    });
    COUNT.load(Ordering::Relaxed)
}

/// Bytes that follow no rule.
fn noise(random: &mut ChaCha8Rng) -> Vec<u8> {
    let length = random.random_range(0..200);
    (0..length).map(|_| random.random()).collect()
}

/// One byte more, less, or other; a part twice; or a part missing.
fn mutated(bytes: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..6) {
        if bytes.is_empty() {
            bytes.push(random.random());
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.insert(at, random.random()),
            3 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn commands() -> Vec<Vec<u8>> {
    let query = CommandStatementQuery {
        query: "SELECT 1".to_owned(),
        transaction_id: None,
    };
    let tables = CommandGetTables {
        include_schema: true,
        db_schema_filter_pattern: Some("%".to_owned()),
        ..Default::default()
    };
    let prepared = CommandPreparedStatementQuery {
        prepared_statement_handle: vec![7; 16].into(),
    };
    let ticket = TicketStatementQuery {
        statement_handle: vec![7; 16].into(),
    };
    let create = ActionCreatePreparedStatementRequest {
        query: "SELECT $1".to_owned(),
        transaction_id: None,
    };
    vec![
        query.as_any().encode_to_vec(),
        tables.as_any().encode_to_vec(),
        prepared.as_any().encode_to_vec(),
        ticket.as_any().encode_to_vec(),
        create.as_any().encode_to_vec(),
    ]
}

const ACTIONS: [&str; 11] = [
    "CreatePreparedStatement",
    "ClosePreparedStatement",
    "CancelFlightInfo",
    "CancelQuery",
    "RenewFlightEndpoint",
    "SetSessionOptions",
    "GetSessionOptions",
    "weir.GetProgress",
    "CloseSession",
    "BeginTransaction",
    "Nonsense",
];

/// Sends so many random and mutated messages, by every call.
async fn send(client: &mut FlightServiceClient<Channel>, random: &mut ChaCha8Rng, count: usize) {
    let commands = commands();
    for turn in 0..count {
        let bytes = match turn % 5 {
            0 => noise(random),
            _ => mutated(commands.choose(random).unwrap(), random),
        };
        // What the answer is does not matter here; that there is one does.
        let answer = match turn % 7 {
            0 => client
                .get_flight_info(FlightDescriptor::new_cmd(bytes))
                .await
                .map(drop),
            1 => client
                .get_schema(FlightDescriptor::new_cmd(bytes))
                .await
                .map(drop),
            2 => client
                .poll_flight_info(FlightDescriptor::new_cmd(bytes))
                .await
                .map(drop),
            3 => read(client.do_get(Ticket::new(bytes)).await).await,
            // Each that is let in is a session, of which there is a limited number.
            4 if turn % 10 == 4 => read(client.handshake(stream::iter([handshake(bytes)])).await).await,
            4 | 5 => read(client.do_put(stream::iter([put(bytes)])).await).await,
            _ => {
                let action = ACTIONS.choose(random).unwrap();
                read(client.do_action(Action::new(*action, bytes)).await).await
            }
        };
        answered(answer);
    }
}

/// A server whose sessions end soon after their last call.
async fn served() -> Served {
    let idle = Duration::from_secs(3);
    Served::with(ServeOptions { idle, ..options() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_commands_are_answered() {
    let before = panics();
    let served = served().await;
    let mut client = FlightServiceClient::new(served.channel().await);
    send(&mut client, &mut ChaCha8Rng::seed_from_u64(1), MESSAGES).await;
    assert_eq!(panics(), before);
    nothing_is_left(&served, client).await;
}

/// What the process of that id holds: its memory in kB, and its open files.
fn held_by(process: u32) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.unwrap().split_whitespace().next().unwrap();
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    (resident.parse().unwrap(), files.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_mutated_messages_leave_a_process_as_it_was() {
    let program = Program::on(Program::new_lake(), &[]);
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut client = FlightServiceClient::new(program.channel().await);
    send(&mut client, &mut random, 3000).await;
    let (memory_before, files_before) = held_by(program.id());
    for _ in 0..7 {
        let mut client = FlightServiceClient::new(program.channel().await);
        send(&mut client, &mut random, 1000).await;
    }
    // Connections end when their server has heard of it.
    until(|| held_by(program.id()).1 <= files_before + 2).await;
    let grown = held_by(program.id()).0.saturating_sub(memory_before);
    assert!(
        grown < 48 << 10,
        "{grown} kB more memory than after 3,000 messages"
    );
    program.stopped();
}

/// A refusal is an answer; that something broke is none.
fn answered(answer: Result<(), Status>) {
    if let Err(status) = answer {
        let broken = [Grpc::Internal, Grpc::Unknown, Grpc::DataLoss, Grpc::Unavailable];
        assert!(!broken.contains(&status.code()), "{status}");
    }
}

async fn read<T>(answer: Result<Response<Streaming<T>>, Status>) -> Result<(), Status> {
    answer?.into_inner().try_collect::<Vec<_>>().await.map(drop)
}

fn handshake(bytes: Vec<u8>) -> HandshakeRequest {
    HandshakeRequest {
        protocol_version: 0,
        payload: bytes.into(),
    }
}

fn put(bytes: Vec<u8>) -> FlightData {
    FlightData::new().with_descriptor(FlightDescriptor::new_cmd(bytes))
}

/// The server answers on, and when the client has gone nothing of it is there any more.
async fn nothing_is_left(served: &Served, client: FlightServiceClient<Channel>) {
    let mut other = served.client().await;
    assert_eq!(number(&mut other, "SELECT 1").await, 1);
    act(&mut other, "CloseSession", Vec::new()).await.unwrap();
    drop(client);
    served.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_batches_are_refused_or_read() {
    let before = panics();
    let served = served().await;
    let mut client = FlightServiceClient::new(served.channel().await);
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..50).map(|i| Some(vec![Some(i), None])));
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..50)) as ArrayRef),
        (
            "name",
            Arc::new(StringArray::from_iter_values((0..50).map(|i| format!("n{i}")))),
        ),
        ("list", Arc::new(lists)),
    ]);
    let command = CommandStatementIngest {
        table: "t".to_owned(),
        schema: Some("processed".to_owned()),
        ..Default::default()
    };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let encoder = FlightDataEncoderBuilder::new().with_flight_descriptor(Some(descriptor));
    let messages: Vec<FlightData> = encoder
        .build(stream::iter([batch.map_err(Into::into)]))
        .try_collect()
        .await
        .unwrap();
    for turn in 0..BATCHES {
        let mut messages = messages.clone();
        let which = turn % messages.len();
        let message = &mut messages[which];
        match turn % 3 {
            0 => message.data_header = mutated(&message.data_header, &mut random).into(),
            1 => message.data_body = mutated(&message.data_body, &mut random).into(),
            _ => {
                message.data_header = mutated(&message.data_header, &mut random).into();
                message.data_body = mutated(&message.data_body, &mut random).into();
            }
        }
        answered(read(client.do_put(stream::iter(messages)).await).await);
    }
    assert_eq!(panics(), before);
    nothing_is_left(&served, client).await;
}
