//! Random and mutated messages: an answer for each, and the server answers on.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, CommandGetTables, CommandPreparedStatementQuery,
    CommandStatementIngest, CommandStatementQuery, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, Ticket};
use futures::{TryStreamExt, stream};
use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{Served, number};

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

#[tokio::test(flavor = "multi_thread")]
async fn mutated_commands_are_answered() {
    let served = Served::new().await;
    let mut client = FlightServiceClient::new(served.channel().await);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let commands = commands();
    let actions = [
        "CreatePreparedStatement",
        "ClosePreparedStatement",
        "CancelFlightInfo",
        "CancelQuery",
        "RenewFlightEndpoint",
        "SetSessionOptions",
        "Nonsense",
    ];
    for turn in 0..8000 {
        let command = &commands[turn % commands.len()];
        let bytes = mutated(command, &mut random);
        // What the answer is does not matter here; that there is one does.
        match turn % 4 {
            0 => drop(client.get_flight_info(FlightDescriptor::new_cmd(bytes)).await),
            1 => drop(client.get_schema(FlightDescriptor::new_cmd(bytes)).await),
            2 => drop(client.do_get(Ticket::new(bytes)).await),
            _ => drop(
                client
                    .do_action(Action::new(actions[turn % actions.len()], bytes))
                    .await,
            ),
        }
    }
    let mut other = served.client().await;
    assert_eq!(number(&mut other, "SELECT 1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_batches_are_refused_or_read() {
    let served = Served::new().await;
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
    for turn in 0..2000 {
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
        if let Ok(answer) = client.do_put(stream::iter(messages)).await {
            drop(answer.into_inner().try_collect::<Vec<_>>().await);
        }
    }
    let mut other = served.client().await;
    assert_eq!(number(&mut other, "SELECT 1").await, 1);
    assert_eq!(served.server.held(), (0, 0));
}
