//! Bulk ingest in every mode; all rows, or none.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    CommandStatementIngest, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use futures::{StreamExt, stream};

use crate::client::{Client, Served, code, number, table};

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let names: StringArray = ids.clone().map(|id| Some(format!("n{id}"))).collect();
    let kinds: DictionaryArray<Int32Type> = ids
        .clone()
        .map(|id| if id % 2 == 0 { "even" } else { "odd" })
        .collect();
    RecordBatch::try_from_iter([
        ("ID", Arc::new(Int64Array::from_iter_values(ids)) as ArrayRef),
        ("name", Arc::new(names)),
        ("kind", Arc::new(kinds)),
    ])
    .unwrap()
}

fn into(table: &str, missing: TableNotExistOption, exists: TableExistsOption) -> CommandStatementIngest {
    CommandStatementIngest {
        table_definition_options: Some(TableDefinitionOptions {
            if_not_exist: missing as i32,
            if_exists: exists as i32,
        }),
        table: table.to_owned(),
        schema: Some("processed".to_owned()),
        catalog: Some("lake".to_owned()),
        ..CommandStatementIngest::default()
    }
}

async fn ingest(
    client: &mut Client,
    command: CommandStatementIngest,
    batches: Vec<RecordBatch>,
) -> Result<i64, FlightError> {
    client
        .execute_ingest(command, stream::iter(batches.into_iter().map(Ok)))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_does_what_it_says() {
    use TableExistsOption as Exists;
    use TableNotExistOption as Missing;
    let served = Served::new().await;
    let mut client = served.client().await;
    let count = "SELECT count(*) FROM processed.t";
    let refused = ingest(
        &mut client,
        into("t", Missing::Fail, Exists::Append),
        vec![rows(0..3)],
    )
    .await;
    assert_eq!(code(&refused.unwrap_err()), tonic::Code::NotFound);
    let made = ingest(
        &mut client,
        into("t", Missing::Create, Exists::Fail),
        vec![rows(0..1000), rows(1000..2500)],
    )
    .await;
    assert_eq!(made.unwrap(), 2500);
    let again = ingest(
        &mut client,
        into("t", Missing::Create, Exists::Fail),
        vec![rows(0..3)],
    )
    .await;
    assert_eq!(code(&again.unwrap_err()), tonic::Code::AlreadyExists);
    let more = ingest(
        &mut client,
        into("t", Missing::Create, Exists::Append),
        vec![rows(2500..2600)],
    )
    .await;
    assert_eq!(more.unwrap(), 100);
    assert_eq!(number(&mut client, count).await, 2600);
    let replaced = ingest(
        &mut client,
        into("t", Missing::Create, Exists::Replace),
        vec![rows(0..10)],
    )
    .await;
    assert_eq!(replaced.unwrap(), 10);
    let text = table(
        &mut client,
        "SELECT kind, count(*) AS n FROM processed.t GROUP BY kind ORDER BY kind",
    )
    .await;
    assert!(
        text.contains("| even | 5 |") && text.contains("| odd  | 5 |"),
        "{text}"
    );
    let empty = rows(0..0);
    let none = ingest(
        &mut client,
        into("empty", Missing::Create, Exists::Fail),
        vec![empty],
    )
    .await;
    assert_eq!(none.unwrap(), 0);
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM processed.empty").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_end_early_leave_nothing() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let endless = stream::iter([Ok(rows(0..100_000))]).chain(stream::pending());
    let command = into("t", TableNotExistOption::Create, TableExistsOption::Fail);
    let putting = tokio::spawn(async move { client.execute_ingest(command, endless).await });
    let mut other = served.client().await;
    let running = "SELECT count(*) FROM system.queries WHERE sql LIKE 'CREATE TABLE%' AND state IN ('planning', 'running')";
    while number(&mut other, running).await == 0 {}
    // The client is gone in the middle of its rows.
    putting.abort();
    while number(&mut other, running).await > 0 {}
    let missing = other
        .execute("SELECT * FROM processed.t".to_owned(), None)
        .await
        .unwrap_err();
    assert_eq!(code(&missing), tonic::Code::NotFound);
    // Columns that do not convert end it as well.
    let made = "CREATE TABLE processed.t (\"ID\" BIGINT, name BIGINT, kind VARCHAR)";
    other.execute_update(made.to_owned(), None).await.unwrap();
    let wrong = ingest(
        &mut other,
        into("t", TableNotExistOption::Fail, TableExistsOption::Append),
        vec![rows(0..5)],
    )
    .await;
    assert!(wrong.is_err());
    assert_eq!(number(&mut other, "SELECT count(*) FROM processed.t").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ingest_names_is_there_or_is_refused() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let create = |table: &str| into(table, TableNotExistOption::Create, TableExistsOption::Append);
    let refusals = [
        (
            CommandStatementIngest {
                temporary: true,
                ..create("t")
            },
            tonic::Code::Unimplemented,
        ),
        (
            CommandStatementIngest {
                transaction_id: Some("a transaction".into()),
                ..create("t")
            },
            tonic::Code::Unimplemented,
        ),
        (
            CommandStatementIngest {
                catalog: Some("elsewhere".to_owned()),
                ..create("t")
            },
            tonic::Code::NotFound,
        ),
        (
            CommandStatementIngest {
                schema: Some("nowhere".to_owned()),
                ..create("t")
            },
            tonic::Code::NotFound,
        ),
    ];
    for (command, expected) in refusals {
        let refused = ingest(&mut client, command.clone(), vec![rows(0..3)])
            .await
            .unwrap_err();
        assert_eq!(code(&refused), expected, "{command:?}: {refused}");
    }
    // Without a schema it goes where the session is.
    client
        .execute_update("USE processed".to_owned(), None)
        .await
        .unwrap();
    let here = CommandStatementIngest {
        catalog: None,
        schema: None,
        ..create("here")
    };
    assert_eq!(ingest(&mut client, here, vec![rows(0..3)]).await.unwrap(), 3);
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM processed.here").await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_partitions_and_rules_takes_rows_as_it_takes_others() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let made = "CREATE TABLE processed.p (\"ID\" BIGINT NOT NULL, name VARCHAR, kind VARCHAR, \
                CONSTRAINT small EXPECT (\"ID\" < 1000) ON VIOLATION FAIL) PARTITIONED BY (kind)";
    client.execute_update(made.to_owned(), None).await.unwrap();
    let append = || into("p", TableNotExistOption::Fail, TableExistsOption::Append);
    let taken = ingest(&mut client, append(), vec![rows(0..500), rows(500..900)]).await;
    assert_eq!(taken.unwrap(), 900);
    let even = "SELECT count(*) FROM processed.p WHERE kind = 'even'";
    assert_eq!(number(&mut client, even).await, 450);
    // One row too many, and none of the others is there.
    let refused = ingest(&mut client, append(), vec![rows(900..950), rows(950..1001)]).await;
    assert_eq!(code(&refused.unwrap_err()), tonic::Code::FailedPrecondition);
    assert_eq!(number(&mut client, "SELECT count(*) FROM processed.p").await, 900);
}
