//! The program itself: its ready line, its log, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::JoinHandle;

use arrow_flight::sql::client::FlightSqlServiceClient;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::client::{Client, code, number, query};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.env_remove("WEIR_PASSWORD").env_remove("WEIR_LAKE");
    command
}

fn weir(lake: &Path) -> Command {
    let mut command = program();
    command.arg("--lake").arg(lake);
    command
}

fn add_user(lake: &Path, name: &str, role: &str) {
    let mut child = weir(lake)
        .args(["user", "add", name, "--role", role, "--password-stdin"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let password = format!("{name}-secret\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(password.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

/// `weir serve` on a lake of its own, its log kept.
pub(crate) struct Program {
    folder: TempDir,
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Reads the log as it comes: a pipe that is full would stop the program.
    log: JoinHandle<String>,
    url: String,
}

impl Program {
    pub(crate) fn on(folder: TempDir, arguments: &[&str]) -> Self {
        let mut child = weir(folder.path())
            .args(["serve", "--bind", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Self {
            folder,
            child,
            stdout,
            log,
            url,
        }
    }

    pub(crate) fn new_lake() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        weir::Lake::init(folder.path()).unwrap();
        folder
    }

    fn address(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address())).unwrap();
        endpoint.connect().await.unwrap()
    }

    async fn client(&self) -> Client {
        FlightSqlServiceClient::new(self.channel().await)
    }

    fn connected(url: &str, sql: &str) -> Output {
        let mut command = program();
        command
            .args(["--connect", url, "-c", sql])
            .env("WEIR_PASSWORD", "ann-secret");
        command.output().unwrap()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Ends it as an operator does; gives its log.
    pub(crate) fn stopped(mut self) -> String {
        self.signal("-TERM");
        let log = self.log.join().unwrap();
        assert!(self.child.wait().unwrap().success(), "{log}");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        log
    }
}

fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn is_about(line: &Value, message: &str) -> bool {
    line["fields"]["message"].as_str() == Some(message)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_each_call_and_statement_and_no_secrets() {
    let folder = Program::new_lake();
    add_user(folder.path(), "ann", "admin");
    add_user(folder.path(), "bob", "read");
    let program = Program::on(folder, &[]);
    let mut ann = program.client().await;
    ann.handshake("ann", "ann-secret").await.unwrap();
    let token = ann.token().unwrap().clone();
    ann.execute_update(
        "CREATE TABLE processed.t AS SELECT 'a-value' AS a".to_owned(),
        None,
    )
    .await
    .unwrap();
    query(&mut ann, "SELECT * FROM processed.t WHERE a = 'a-value'").await;
    ann.execute(
        "SELECT CAST('another-value' AS BIGINT) FROM processed.t".to_owned(),
        None,
    )
    .await
    .ok();
    ann.execute("SELECT * FROM processed.nothing".to_owned(), None)
        .await
        .unwrap_err();
    // What is refused, and told.
    let mut bob = program.client().await;
    bob.handshake("bob", "bob-secret").await.unwrap();
    let info = ann.execute("SELECT 1".to_owned(), None).await.unwrap();
    let foreign = bob
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .err()
        .unwrap();
    assert_eq!(code(&foreign), tonic::Code::NotFound);
    let mut stranger = program.client().await;
    stranger.set_token("stolen-token".to_owned());
    let refused = stranger.execute("SELECT 1".to_owned(), None).await.unwrap_err();
    assert_eq!(code(&refused), tonic::Code::Unauthenticated);
    let mut guesser = program.client().await;
    for _ in 0..3 {
        guesser.handshake("ann", "wrong-secret").await.unwrap_err();
    }
    let log = program.stopped();
    let lines = lines(&log);
    let of = |message: &str| {
        lines
            .iter()
            .filter(|line| is_about(line, message))
            .collect::<Vec<_>>()
    };
    let states: Vec<_> = of("statement")
        .iter()
        .map(|line| line["fields"]["state"].clone())
        .collect();
    assert!(
        states.contains(&"finished".into()) && states.contains(&"failed".into()),
        "{log}"
    );
    assert!(
        of("statement")
            .iter()
            .all(|line| line["fields"]["query"].is_string()),
        "{log}"
    );
    let failed = of("statement")
        .into_iter()
        .find(|line| line["fields"]["error"] == "42P01");
    assert!(
        failed.is_some_and(|line| line["span"]["session"].is_string()),
        "{log}"
    );
    let fetched = |line: &&&Value| line["span"]["method"] == "DoGet" && line["fields"]["status"] == "ok";
    let calls = of("call");
    let fetched = calls.iter().find(fetched).unwrap();
    for key in ["peer", "session", "query"] {
        assert!(fetched["span"][key].is_string(), "{fetched}");
    }
    assert_eq!(of("a wrong user or password was refused").len(), 3, "{log}");
    assert_eq!(of("an unknown or expired token was refused").len(), 1, "{log}");
    assert_eq!(of("another user's ticket was refused").len(), 1, "{log}");
    for secret in [
        "-secret",
        "stolen-token",
        token.as_str(),
        "a-value",
        "another-value",
        "SELECT",
        "argon2",
    ] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_the_shells_batch_and_with_its_users_rights() {
    let folder = Program::new_lake();
    add_user(folder.path(), "ann", "admin");
    add_user(folder.path(), "bob", "read");
    let program = Program::on(folder, &[]);
    let lake = program.folder.path().to_owned();
    let mut ann = program.client().await;
    ann.handshake("ann", "ann-secret").await.unwrap();
    let url = program.url.replace("grpc://", "grpc://ann@");
    let ran = Program::connected(&url, "SELECT count(*) AS n FROM system.sessions");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "n\n2\n");
    // It has said goodbye.
    assert_eq!(number(&mut ann, "SELECT count(*) FROM system.sessions").await, 1);
    let mut bob = program.client().await;
    bob.handshake("bob", "bob-secret").await.unwrap();
    assert_eq!(query(&mut bob, "SELECT 1").await[0].num_rows(), 1);
    assert!(
        weir(&lake)
            .args(["user", "remove", "bob"])
            .output()
            .unwrap()
            .status
            .success()
    );
    // His token is worth nothing from now on, and nobody is disturbed.
    let refused = bob.execute("SELECT 1".to_owned(), None).await.unwrap_err();
    assert_eq!(code(&refused), tonic::Code::Unauthenticated);
    assert!(bob.handshake("bob", "bob-secret").await.is_err());
    assert_eq!(number(&mut ann, "SELECT count(*) FROM system.sessions").await, 1);
    // Without any user left, the server does not open to everybody.
    assert!(
        weir(&lake)
            .args(["user", "remove", "ann"])
            .output()
            .unwrap()
            .status
            .success()
    );
    let mut anybody = program.client().await;
    let refused = anybody.execute("SELECT 1".to_owned(), None).await.unwrap_err();
    assert_eq!(code(&refused), tonic::Code::Unauthenticated);
    program.stopped();
}

#[tokio::test(flavor = "multi_thread")]
async fn from_its_first_user_on_a_server_asks_who_calls() {
    let program = Program::on(Program::new_lake(), &[]);
    let mut anybody = program.client().await;
    anybody.handshake("", "").await.unwrap();
    assert_eq!(
        number(&mut anybody, "SELECT count(*) FROM system.sessions").await,
        1
    );
    add_user(program.folder.path(), "ann", "read");
    let refused = anybody.execute("SELECT 1".to_owned(), None).await.unwrap_err();
    assert_eq!(code(&refused), tonic::Code::Unauthenticated);
    let mut ann = program.client().await;
    ann.handshake("ann", "ann-secret").await.unwrap();
    assert_eq!(query(&mut ann, "SELECT 1").await[0].num_rows(), 1);
    program.stopped();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_tls_is_refused_and_told_of() {
    let folder = Program::new_lake();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (pem, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    std::fs::write(&pem, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let arguments = [
        "--tls-cert",
        pem.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    let program = Program::on(folder, &arguments);
    assert!(program.url.starts_with("grpc+tls://"));
    let mut plain = TcpStream::connect(program.address()).unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // An alert of TLS, or nothing: no frame of HTTP.
    plain.read_to_end(&mut answer).ok();
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    let url = program.url.replace("grpc+tls", "grpc");
    let ran = Program::connected(&url, "SELECT 1");
    assert_eq!(ran.status.code(), Some(5), "{ran:?}");
    let log = program.stopped();
    let lines = lines(&log);
    let refused = lines
        .iter()
        .filter(|line| is_about(line, "a client without TLS was refused"));
    assert!(refused.count() >= 2, "{log}");
}
