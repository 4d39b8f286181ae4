//! Catalogs, zones, tables, keys, types, and what the server says of itself.

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Schema, UInt32Type};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, SqlInfo,
};
use arrow_flight::{Action, Criteria, Empty, FlightData, FlightDescriptor, IpcMessage};
use futures::{TryStreamExt, stream};
use prost::bytes::Bytes;

use crate::client::{Client, Served, fetch, query};

async fn texts(
    client: &mut Client,
    info: Result<arrow_flight::FlightInfo, FlightError>,
    column: &str,
) -> Vec<String> {
    let info = info.unwrap();
    let told = info.clone().try_decode_schema().unwrap();
    let batches = fetch(client, info).await;
    let mut all = Vec::new();
    for batch in &batches {
        assert_eq!(batch.schema().as_ref(), &told);
        let values = batch.column_by_name(column).unwrap().as_string::<i32>();
        all.extend(values.iter().flatten().map(str::to_owned));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_found_by_their_patterns_and_kinds() {
    let served = Served::new().await;
    let mut client = served.client().await;
    for sql in [
        "CREATE TABLE processed.orders (id BIGINT NOT NULL, price DECIMAL(12, 2))",
        "CREATE VIEW curated.totals AS SELECT count(*) AS n FROM processed.orders",
    ] {
        client.execute_update(sql.to_owned(), None).await.unwrap();
    }
    let info = client.get_catalogs().await;
    assert_eq!(texts(&mut client, info, "catalog_name").await, ["lake"]);
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await;
    let zones = texts(&mut client, info, "db_schema_name").await;
    assert_eq!(
        zones,
        ["curated", "information_schema", "processed", "raw", "system"]
    );
    let info = client.get_table_types().await;
    assert!(
        texts(&mut client, info, "table_type")
            .await
            .contains(&"TABLE".to_owned())
    );

    let all = CommandGetTables {
        table_types: vec!["TABLE".to_owned(), "VIEW".to_owned()],
        ..CommandGetTables::default()
    };
    let info = client.get_tables(all).await;
    assert_eq!(texts(&mut client, info, "table_name").await, ["totals", "orders"]);
    let one = CommandGetTables {
        catalog: Some("lake".to_owned()),
        db_schema_filter_pattern: Some("proc%".to_owned()),
        table_name_filter_pattern: Some("ord_rs".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(one).await.unwrap();
    let batches = fetch(&mut client, info).await;
    let bytes = batches[0]
        .column_by_name("table_schema")
        .unwrap()
        .as_binary::<i32>()
        .value(0);
    let schema = Schema::try_from(IpcMessage(Bytes::copy_from_slice(bytes))).unwrap();
    assert!(!schema.field(0).is_nullable());
    let metadata = schema.field(1).metadata();
    assert_eq!(metadata["ARROW:FLIGHT:SQL:TYPE_NAME"], "DECIMAL(12, 2)");
    assert_eq!(metadata["ARROW:FLIGHT:SQL:SCALE"], "2");
    let none = CommandGetTables {
        catalog: Some("other".to_owned()),
        ..CommandGetTables::default()
    };
    let info = client.get_tables(none).await;
    assert!(texts(&mut client, info, "table_name").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_everything_of_itself() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let info = client.get_sql_info(Vec::new()).await.unwrap();
    let told = info.clone().try_decode_schema().unwrap();
    let all = fetch(&mut client, info).await;
    assert_eq!(all[0].schema().as_ref(), &told);
    let ids = all[0].column(0).as_primitive::<UInt32Type>().values().to_vec();
    for id in [0, 1, 2, 3, 4, 5, 8, 9, 10, 503, 504, 505, 517, 538, 562, 576] {
        assert!(ids.contains(&id), "{id}");
    }
    assert!(ids.iter().all(|id| *id < 10_000));
    let some = client
        .get_sql_info(vec![
            SqlInfo::FlightSqlServerName,
            SqlInfo::SqlIdentifierQuoteChar,
        ])
        .await;
    let some = fetch(&mut client, some.unwrap()).await;
    let values = some[0].column(1).as_union();
    assert_eq!(values.value(0).as_string::<i32>().value(0), "weir");
    assert_eq!(values.value(1).as_string::<i32>().value(0), "\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_typed_and_empty_and_types_have_numbers() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let table = "t".to_owned();
    let primary = client
        .get_primary_keys(CommandGetPrimaryKeys {
            table: table.clone(),
            ..Default::default()
        })
        .await;
    assert!(texts(&mut client, primary, "column_name").await.is_empty());
    let imported = client
        .get_imported_keys(CommandGetImportedKeys {
            table: table.clone(),
            ..Default::default()
        })
        .await;
    assert!(texts(&mut client, imported, "pk_column_name").await.is_empty());
    let exported = client
        .get_exported_keys(CommandGetExportedKeys {
            table: table.clone(),
            ..Default::default()
        })
        .await;
    assert!(texts(&mut client, exported, "fk_column_name").await.is_empty());
    let cross = client
        .get_cross_reference(CommandGetCrossReference {
            pk_table: table.clone(),
            fk_table: table,
            ..Default::default()
        })
        .await;
    assert!(texts(&mut client, cross, "fk_table_name").await.is_empty());
    let types = client
        .get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(12) })
        .await
        .unwrap();
    let types = fetch(&mut client, types).await;
    assert_eq!(types[0].num_rows(), 1);
    assert_eq!(types[0].column(0).as_string::<i32>().value(0), "VARCHAR");
    let all = client
        .get_xdbc_type_info(CommandGetXdbcTypeInfo::default())
        .await
        .unwrap();
    let all = fetch(&mut client, all).await;
    assert!(all[0].column(1).as_primitive::<Int32Type>().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_definition_is_listed_without_columns() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let broken = served.folder.path().join("catalog/raw/broken.toml");
    std::fs::write(broken, "nonsense = [").unwrap();
    let command = CommandGetTables {
        db_schema_filter_pattern: Some("raw".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(command).await;
    assert_eq!(texts(&mut client, info, "table_name").await, ["broken"]);
    assert_eq!(query(&mut client, "SELECT 1").await[0].num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_have_nothing_to_give_say_so() {
    let served = Served::new().await;
    let mut calls = FlightServiceClient::new(served.channel().await);
    let flights = calls.list_flights(Criteria::default()).await.unwrap();
    let flights: Vec<_> = flights.into_inner().try_collect().await.unwrap();
    assert!(flights.is_empty());
    let actions = calls.list_actions(Empty {}).await.unwrap();
    let actions: Vec<_> = actions.into_inner().try_collect().await.unwrap();
    for name in [
        "CreatePreparedStatement",
        "ClosePreparedStatement",
        "CancelQuery",
        "CancelFlightInfo",
        "RenewFlightEndpoint",
        "SetSessionOptions",
        "GetSessionOptions",
        "CloseSession",
    ] {
        assert!(actions.iter().any(|action| action.r#type == name), "{name}");
    }
    let exchange = calls
        .do_exchange(stream::empty::<FlightData>())
        .await
        .unwrap_err();
    assert_eq!(exchange.code(), tonic::Code::Unimplemented);
    let begin = calls
        .do_action(Action::new("BeginTransaction", ""))
        .await
        .unwrap_err();
    assert_eq!(begin.code(), tonic::Code::Unimplemented);
    let by_path = FlightDescriptor::new_path(vec!["processed".to_owned(), "t".to_owned()]);
    let path = calls.get_flight_info(by_path.clone()).await.unwrap_err();
    assert_eq!(path.code(), tonic::Code::InvalidArgument);
    let path = calls.get_schema(by_path).await.unwrap_err();
    assert_eq!(path.code(), tonic::Code::InvalidArgument);
}
