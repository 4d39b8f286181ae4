//! What gRPC's reflection tells of Flight: its messages and its service, as `Flight.proto` has them.
//!
//! Flight's Rust crate carries no descriptors, so they are written here, in the few messages that
//! descriptors take.

use prost::Message;

const PACKAGE: &str = "arrow.flight.protocol";

const OPTIONAL: i32 = 1;
const REPEATED: i32 = 3;

const DOUBLE: i32 = 1;
const INT64: i32 = 3;
const UINT64: i32 = 4;
const INT32: i32 = 5;
const BOOL: i32 = 8;
const STRING: i32 = 9;
const MESSAGE: i32 = 11;
const BYTES: i32 = 12;
const ENUM: i32 = 14;

const TIMESTAMP: &str = ".google.protobuf.Timestamp";

#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    package: Option<String>,
    #[prost(string, repeated, tag = "3")]
    dependency: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    message_type: Vec<Described>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
    #[prost(string, optional, tag = "12")]
    syntax: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Described {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(message, repeated, tag = "2")]
    field: Vec<Field>,
    #[prost(message, repeated, tag = "4")]
    enum_type: Vec<Enum>,
}

#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(int32, optional, tag = "3")]
    number: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    label: Option<i32>,
    #[prost(int32, optional, tag = "5")]
    kind: Option<i32>,
    #[prost(string, optional, tag = "6")]
    type_name: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Enum {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(message, repeated, tag = "2")]
    value: Vec<EnumValue>,
}

#[derive(Clone, PartialEq, Message)]
struct EnumValue {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(int32, optional, tag = "2")]
    number: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(message, repeated, tag = "2")]
    method: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    input_type: Option<String>,
    #[prost(string, optional, tag = "3")]
    output_type: Option<String>,
    #[prost(bool, optional, tag = "5")]
    client_streaming: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    server_streaming: Option<bool>,
}

/// A field: name, number, kind, and of messages which one, repeated with a `*` before it.
type FieldRow = (&'static str, i32, i32, &'static str);

const MESSAGES: &[(&str, &[FieldRow])] = &[
    (
        "HandshakeRequest",
        &[("protocol_version", 1, UINT64, ""), ("payload", 2, BYTES, "")],
    ),
    (
        "HandshakeResponse",
        &[("protocol_version", 1, UINT64, ""), ("payload", 2, BYTES, "")],
    ),
    (
        "BasicAuth",
        &[("username", 2, STRING, ""), ("password", 3, STRING, "")],
    ),
    ("Empty", &[]),
    (
        "ActionType",
        &[("type", 1, STRING, ""), ("description", 2, STRING, "")],
    ),
    ("Criteria", &[("expression", 1, BYTES, "")]),
    ("Action", &[("type", 1, STRING, ""), ("body", 2, BYTES, "")]),
    ("Result", &[("body", 1, BYTES, "")]),
    ("SchemaResult", &[("schema", 1, BYTES, "")]),
    (
        "FlightDescriptor",
        &[
            ("type", 1, ENUM, "FlightDescriptor.DescriptorType"),
            ("cmd", 2, BYTES, ""),
            ("path", 3, STRING, "*"),
        ],
    ),
    (
        "FlightInfo",
        &[
            ("schema", 1, BYTES, ""),
            ("flight_descriptor", 2, MESSAGE, "FlightDescriptor"),
            ("endpoint", 3, MESSAGE, "*FlightEndpoint"),
            ("total_records", 4, INT64, ""),
            ("total_bytes", 5, INT64, ""),
            ("ordered", 6, BOOL, ""),
            ("app_metadata", 7, BYTES, ""),
        ],
    ),
    (
        "PollInfo",
        &[
            ("info", 1, MESSAGE, "FlightInfo"),
            ("flight_descriptor", 2, MESSAGE, "FlightDescriptor"),
            ("progress", 3, DOUBLE, ""),
            ("expiration_time", 4, MESSAGE, TIMESTAMP),
        ],
    ),
    (
        "FlightEndpoint",
        &[
            ("ticket", 1, MESSAGE, "Ticket"),
            ("location", 2, MESSAGE, "*Location"),
            ("expiration_time", 3, MESSAGE, TIMESTAMP),
            ("app_metadata", 4, BYTES, ""),
        ],
    ),
    ("Location", &[("uri", 1, STRING, "")]),
    ("Ticket", &[("ticket", 1, BYTES, "")]),
    (
        "FlightData",
        &[
            ("flight_descriptor", 1, MESSAGE, "FlightDescriptor"),
            ("data_header", 2, BYTES, ""),
            ("app_metadata", 3, BYTES, ""),
            ("data_body", 1000, BYTES, ""),
        ],
    ),
    ("PutResult", &[("app_metadata", 1, BYTES, "")]),
];

/// A method: name, what comes and what goes, a stream with a `*` before it.
const METHODS: &[(&str, &str, &str)] = &[
    ("Handshake", "*HandshakeRequest", "*HandshakeResponse"),
    ("ListFlights", "Criteria", "*FlightInfo"),
    ("GetFlightInfo", "FlightDescriptor", "FlightInfo"),
    ("PollFlightInfo", "FlightDescriptor", "PollInfo"),
    ("GetSchema", "FlightDescriptor", "SchemaResult"),
    ("DoGet", "Ticket", "*FlightData"),
    ("DoPut", "*FlightData", "*PutResult"),
    ("DoExchange", "*FlightData", "*FlightData"),
    ("DoAction", "Action", "*Result"),
    ("ListActions", "Empty", "*ActionType"),
];

/// The descriptors, encoded.
pub(super) fn descriptors() -> Vec<u8> {
    let file = vec![timestamp(), flight()];
    FileSet { file }.encode_to_vec()
}

fn timestamp() -> File {
    File {
        name: Some("google/protobuf/timestamp.proto".to_owned()),
        package: Some("google.protobuf".to_owned()),
        message_type: vec![message(
            "Timestamp",
            &[("seconds", 1, INT64, ""), ("nanos", 2, INT32, "")],
        )],
        syntax: Some("proto3".to_owned()),
        ..File::default()
    }
}

fn flight() -> File {
    let mut messages: Vec<_> = MESSAGES
        .iter()
        .map(|(name, fields)| message(name, fields))
        .collect();
    let value = |(number, name): (i32, &str)| EnumValue {
        name: Some(name.to_owned()),
        number: Some(number),
    };
    let kinds = Enum {
        name: Some("DescriptorType".to_owned()),
        value: (0..).zip(["UNKNOWN", "PATH", "CMD"]).map(value).collect(),
    };
    for message in &mut messages {
        if message.name.as_deref() == Some("FlightDescriptor") {
            message.enum_type.push(kinds.clone());
        }
    }
    let method = |(name, input, output): &(&str, &str, &str)| Method {
        name: Some((*name).to_owned()),
        input_type: Some(full_name(input)),
        output_type: Some(full_name(output)),
        client_streaming: Some(input.starts_with('*')),
        server_streaming: Some(output.starts_with('*')),
    };
    let service = Service {
        name: Some("FlightService".to_owned()),
        method: METHODS.iter().map(method).collect(),
    };
    File {
        name: Some("Flight.proto".to_owned()),
        package: Some(PACKAGE.to_owned()),
        dependency: vec!["google/protobuf/timestamp.proto".to_owned()],
        message_type: messages,
        service: vec![service],
        syntax: Some("proto3".to_owned()),
    }
}

fn message(name: &str, fields: &[FieldRow]) -> Described {
    let field = |(name, number, kind, of): &FieldRow| Field {
        name: Some((*name).to_owned()),
        number: Some(*number),
        label: Some(if of.starts_with('*') { REPEATED } else { OPTIONAL }),
        kind: Some(*kind),
        type_name: matches!(*kind, MESSAGE | ENUM).then(|| full_name(of)),
    };
    Described {
        name: Some(name.to_owned()),
        field: fields.iter().map(field).collect(),
        enum_type: Vec::new(),
    }
}

fn full_name(name: &str) -> String {
    match name.trim_start_matches('*') {
        full if full.starts_with('.') => full.to_owned(),
        name => format!(".{PACKAGE}.{name}"),
    }
}
