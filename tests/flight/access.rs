//! Who is let in, and what they may do.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow_flight::sql::CommandStatementIngest;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::{TryStreamExt, stream};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use weir::connection::RemoteConnection;
use weir::engine::{Role, Roles};
use weir::error::Code;
use weir::flight::{ServeOptions, Server, Tls, UserFile, users_file};

use crate::client::{Client, Served, code, number, options, query};
use crate::lake;

async fn with_users(options: ServeOptions) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let users = UserFile::new(users_file(folder.path()));
    let mut writer = Roles::everywhere(Role::Read);
    writer.add("processed=write").unwrap();
    let mut narrow = Roles::default();
    narrow.add("curated=read").unwrap();
    users
        .add("ann", "a-secret", &Roles::everywhere(Role::Admin))
        .unwrap();
    users.add("bob", "b-secret", &writer).unwrap();
    users.add("eve", "e-secret", &narrow).unwrap();
    let server = Server::start(lake.clone(), options).await.unwrap();
    Served { server, lake, folder }
}

async fn log_in(served: &Served, user: &str) -> Client {
    let mut client = FlightSqlServiceClient::new(served.channel().await);
    let password = format!("{}-secret", &user[..1]);
    client.handshake(user, &password).await.unwrap();
    client
}

async fn done(client: &mut Client, sql: &str) -> Result<i64, tonic::Code> {
    client
        .execute_update(sql.to_owned(), None)
        .await
        .map_err(|e| code(&e))
}

async fn asked(client: &mut Client, sql: &str) -> Result<(), tonic::Code> {
    client
        .execute(sql.to_owned(), None)
        .await
        .map(drop)
        .map_err(|e| code(&e))
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_hold_for_every_statement() {
    let refused = Err(tonic::Code::PermissionDenied);
    let served = with_users(options()).await;
    let (mut ann, mut bob, mut eve) = (
        log_in(&served, "ann").await,
        log_in(&served, "bob").await,
        log_in(&served, "eve").await,
    );
    done(&mut ann, "CREATE TABLE processed.t AS SELECT 1 AS a")
        .await
        .unwrap();
    done(&mut ann, "CREATE TABLE curated.c AS SELECT 1 AS a")
        .await
        .unwrap();
    done(&mut ann, "CREATE VIEW curated.v AS SELECT a FROM processed.t")
        .await
        .unwrap();
    assert_eq!(done(&mut bob, "INSERT INTO processed.t VALUES (2)").await, Ok(1));
    done(&mut bob, "CREATE TABLE processed.u AS SELECT 1 AS a")
        .await
        .unwrap();
    for sql in [
        "INSERT INTO curated.c VALUES (2)",
        "DROP TABLE processed.t",
        "CREATE OR REPLACE TABLE processed.t AS SELECT 2 AS b",
        "CREATE TABLE curated.d AS SELECT 1 AS a",
        "ALTER TABLE processed.t ADD COLUMN b BIGINT",
        "VACUUM",
        "DELETE FROM curated.c",
        "COPY processed.t TO '/tmp/x.csv'",
        "CREATE EXTERNAL TABLE processed.e STORED AS CSV LOCATION '/etc/'",
        "CREATE EXTERNAL TABLE processed.e STORED AS CSV LOCATION '../x/'",
        "CREATE VIEW processed.e AS SELECT * FROM '/etc/passwd.csv'",
    ] {
        assert_eq!(done(&mut bob, sql).await, refused, "{sql}");
    }
    // A view is read by whoever may read it; what it reads is its maker's matter.
    assert_eq!(number(&mut eve, "SELECT count(*) FROM curated.v").await, 2);
    for sql in [
        "SELECT * FROM processed.t",
        "SELECT * FROM processed.t$history",
        "SELECT a FROM curated.c WHERE a IN (SELECT a FROM processed.t)",
        "SELECT * FROM '/etc/passwd.csv'",
        "DESCRIBE processed.t",
        "SHOW CREATE TABLE processed.t",
        "EXPLAIN SELECT * FROM processed.t",
    ] {
        assert_eq!(asked(&mut eve, sql).await, refused.map(drop), "{sql}");
    }
    assert_eq!(
        number(
            &mut eve,
            "SELECT count(*) FROM system.tables WHERE zone = 'processed'"
        )
        .await,
        0
    );
    assert_eq!(
        number(
            &mut eve,
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'processed'"
        )
        .await,
        0
    );
    // Of what others run, and who they are, she sees nothing.
    assert_eq!(
        number(
            &mut eve,
            "SELECT count(*) FROM system.queries WHERE sql LIKE 'INSERT%'"
        )
        .await,
        0
    );
    assert_eq!(number(&mut eve, "SELECT count(*) FROM system.sessions").await, 1);
    assert_eq!(number(&mut ann, "SELECT count(*) FROM system.sessions").await, 3);
    // Nothing of this changes with the settings.
    done(&mut eve, "RESET ALL").await.unwrap();
    assert_eq!(
        asked(&mut eve, "SELECT * FROM processed.t").await,
        refused.map(drop)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_changes_nothing_and_sees_its_own_zone_alone() {
    let refused = Err(tonic::Code::PermissionDenied);
    let served = with_users(options()).await;
    let (mut ann, mut eve) = (log_in(&served, "ann").await, log_in(&served, "eve").await);
    for sql in [
        "CREATE TABLE processed.t AS SELECT 1 AS a",
        "CREATE TABLE curated.c AS SELECT 1 AS a",
    ] {
        done(&mut ann, sql).await.unwrap();
    }
    for sql in [
        "INSERT INTO curated.c VALUES (2)",
        "INSERT OVERWRITE curated.c VALUES (2)",
        "UPDATE curated.c SET a = 2",
        "DELETE FROM curated.c",
        "MERGE INTO curated.c USING (SELECT 1 AS a) s ON s.a = c.a WHEN MATCHED THEN DELETE",
        "CREATE TABLE curated.d AS SELECT 1 AS a",
        "CREATE VIEW curated.v AS SELECT 1 AS a",
        "DROP TABLE curated.c",
        "ALTER TABLE curated.c ADD COLUMN b BIGINT",
        "COMMENT ON TABLE curated.c IS 'mine'",
        "OPTIMIZE curated.c",
        "VACUUM curated.c",
        "RESTORE TABLE curated.c TO VERSION AS OF 0",
        "COPY curated.c TO '/tmp/c.csv'",
        "COPY INTO curated.c FROM '/tmp/'",
    ] {
        assert_eq!(done(&mut eve, sql).await, refused, "{sql}");
        // Prepared, it is refused as well, when it is prepared or when it is run.
        let prepared = match eve.prepare(sql.to_owned(), None).await {
            Ok(mut prepared) => prepared.execute_update().await,
            Err(error) => Err(error),
        };
        assert_eq!(prepared.map_err(|e| code(&e)), refused, "prepared: {sql}");
    }
    for sql in [
        "SHOW PARTITIONS processed.t",
        "CHECK TABLE processed.t",
        "SUGGEST CONSTRAINTS FOR processed.t",
        "SUMMARIZE processed.t",
        "EXPLAIN ANALYZE SELECT * FROM processed.t",
        "SELECT * FROM PROCESSED.\"T\"",
        "SELECT (SELECT max(a) FROM lake.processed.t)",
        "SELECT * FROM processed.t VERSION AS OF 0",
        "PREPARE p AS SELECT * FROM processed.t; EXECUTE p",
        "SELECT * FROM 'curated/c'",
        "DESCRIBE '/etc/passwd'",
    ] {
        assert_eq!(asked(&mut eve, sql).await, refused.map(drop), "{sql}");
    }
    let ingest = CommandStatementIngest {
        table: "c".to_owned(),
        schema: Some("curated".to_owned()),
        ..Default::default()
    };
    let one = Int64Array::from(vec![1]);
    let batch = RecordBatch::try_from_iter([("a", Arc::new(one) as _)]).unwrap();
    let put = eve.execute_ingest(ingest, stream::iter([Ok(batch)])).await;
    assert!(
        matches!(
            code(&put.unwrap_err()),
            tonic::Code::PermissionDenied | tonic::Code::AlreadyExists
        ),
        "a reader's rows"
    );
    // No setting takes the server down.
    for setting in [
        "SET execution.batch_size = 1000000000000",
        "SET execution.target_partitions = 1000000000",
    ] {
        assert_eq!(done(&mut eve, setting).await, Err(tonic::Code::InvalidArgument));
    }
    // Another's statement is none that could be killed.
    let endless = "SELECT value FROM generate_series(1, 1000000000000)";
    let info = ann.execute(endless.to_owned(), None).await.unwrap();
    let mut rows = ann
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    let mut other = log_in(&served, "ann").await;
    let id =
        "SELECT max(id) AS id FROM system.queries WHERE sql LIKE '%1000000000000)' AND state = 'running'";
    let found = query(&mut other, id).await;
    let id = found[0].column(0).as_string::<i32>().value(0).to_owned();
    assert_eq!(
        done(&mut eve, &format!("KILL QUERY '{id}'")).await,
        Err(tonic::Code::NotFound)
    );
    assert_eq!(done(&mut other, &format!("KILL QUERY '{id}'")).await, Ok(0));
    let stopped = loop {
        match rows.try_next().await {
            Ok(batch) => assert!(batch.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(code(&stopped), tonic::Code::Cancelled);
    assert_eq!(number(&mut ann, "SELECT sum(a) FROM curated.c").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_known_is_refused() {
    let served = with_users(options()).await;
    let unauthenticated = Err(tonic::Code::Unauthenticated);
    let mut nobody = FlightSqlServiceClient::new(served.channel().await);
    assert_eq!(asked(&mut nobody, "SELECT 1").await, unauthenticated);
    nobody.set_token("stolen".to_owned());
    assert_eq!(asked(&mut nobody, "SELECT 1").await, unauthenticated);
    let mut ann = log_in(&served, "ann").await;
    let mut bob = log_in(&served, "bob").await;
    // Another's ticket is worth nothing.
    let info = ann.execute("SELECT 1".to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    assert_eq!(
        code(&bob.do_get(ticket.clone()).await.err().unwrap()),
        tonic::Code::NotFound
    );
    assert!(ann.do_get(ticket).await.is_ok());
    // Basic credentials on each call are as good as a handshake.
    let mut basic = FlightSqlServiceClient::new(served.channel().await);
    basic.set_header("authorization", "Basic YW5uOmEtc2VjcmV0");
    assert_eq!(query(&mut basic, "SELECT 1").await[0].num_rows(), 1);
    // A wrong password a hundred times: after a few nobody from there is asked any more.
    let mut guesser = FlightSqlServiceClient::new(served.channel().await);
    for _ in 0..100 {
        assert!(guesser.handshake("ann", "wrong").await.is_err());
    }
    assert!(guesser.handshake("ann", "a-secret").await.is_err());
    // Who is in stays in.
    assert_eq!(number(&mut ann, "SELECT count(*) FROM system.sessions").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sends_no_large_messages() {
    let served = with_users(options()).await;
    let large = format!("SELECT 1 AS a -- {}", "x".repeat(3 << 20));
    let mut nobody = FlightSqlServiceClient::new(served.channel().await);
    // It is not even read.
    assert_eq!(asked(&mut nobody, &large).await, Err(tonic::Code::OutOfRange));
    nobody.set_token("stolen".to_owned());
    assert_eq!(asked(&mut nobody, &large).await, Err(tonic::Code::OutOfRange));
    let mut ann = log_in(&served, "ann").await;
    assert_eq!(asked(&mut ann, &large).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_not_open_to_others_by_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let open = ServeOptions {
        bind: ([0, 0, 0, 0], 0).into(),
        ..options()
    };
    let refused = Server::start(lake.clone(), open.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidValue);
    assert!(refused.message().contains("users and TLS"), "{refused}");
    let insecure = ServeOptions {
        insecure: true,
        ..open
    };
    Server::start(lake, insecure).await.unwrap();
}

struct Keys {
    tls: Tls,
    ca: String,
    client: (String, String),
}

fn keys(folder: &Path) -> Keys {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &ca)
            .unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let (certificate, key) = signed("localhost");
    let path = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    Keys {
        tls: Tls {
            certificate: path("server.pem", &certificate),
            key: path("server.key", &key),
            client_ca: Some(path("ca.pem", &ca.pem())),
        },
        ca: ca.pem(),
        client: signed("client"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_takes_clients_with_a_certificate_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path());
    let served = Served::with(ServeOptions {
        tls: Some(keys.tls.clone()),
        ..options()
    })
    .await;
    assert!(served.server.url().starts_with("grpc+tls://"));
    let port = served.server.address().port();
    let connect = |identity: Option<Identity>| {
        let config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&keys.ca))
            .domain_name("localhost");
        let config = match identity {
            Some(identity) => config.identity(identity),
            None => config,
        };
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).unwrap();
        async move { endpoint.tls_config(config).unwrap().connect().await }
    };
    let identity = Identity::from_pem(&keys.client.0, &keys.client.1);
    let channel: Channel = connect(Some(identity)).await.unwrap();
    let mut client = FlightSqlServiceClient::new(channel);
    client.handshake("", "").await.unwrap();
    assert_eq!(query(&mut client, "SELECT 1").await[0].num_rows(), 1);
    let without = match connect(None).await {
        Ok(channel) => FlightSqlServiceClient::new(channel)
            .handshake("", "")
            .await
            .is_err(),
        Err(_) => true,
    };
    assert!(without);
    // A client without TLS on this port gets nothing, and the others are not disturbed.
    let plain = format!("grpc://127.0.0.1:{port}").parse().unwrap();
    let refused = RemoteConnection::connect(&plain, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::Connection, "{refused}");
    assert_eq!(query(&mut client, "SELECT 1").await[0].num_rows(), 1);
}
