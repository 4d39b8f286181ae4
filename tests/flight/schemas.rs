//! One schema wherever it is told, for random queries of every type: GetSchema, GetFlightInfo, the rows, and a
//! prepared statement, when it is made and when it is run.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{FlightClient, FlightDescriptor, FlightInfo};
use futures::TryStreamExt;
use prost::Message;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{Client, Served, code};

/// How many random queries are asked about, and how many of them must be ones that have an answer.
const QUERIES: usize = 250;
const ANSWERED_AT_LEAST: usize = 200;

const TABLES: [&str; 4] = [
    "CREATE TABLE processed.t AS SELECT value AS id, arrow_cast(value, 'Int32') AS i, value * 0.5 AS x, 'row ' || value AS name, \
     DATE '2026-01-01' AS d, TIMESTAMP '2026-01-01 10:00:00' AS ts, value % 2 = 0 AS b, arrow_cast(value, 'Decimal128(10, 2)') AS m, \
     [value, NULL] AS l, named_struct('a', value, 'b', 'x') AS s, CASE WHEN value % 3 = 0 THEN NULL ELSE value END AS n \
     FROM generate_series(1, 20)",
    "CREATE TABLE processed.u (id BIGINT NOT NULL, w VARCHAR NOT NULL, v DOUBLE)",
    "INSERT INTO processed.u VALUES (1, 'a', 1.5), (2, 'b', NULL)",
    "CREATE VIEW curated.v AS SELECT id, name, arrow_cast(name, 'Dictionary(Int32, Utf8)') AS k, l FROM processed.t",
];

const STATEMENTS: [&str; 8] = [
    "SHOW TABLES",
    "SHOW ALL",
    "SHOW FUNCTIONS LIKE 'a%'",
    "SHOW CREATE TABLE processed.t",
    "DESCRIBE processed.t",
    "CHECK TABLE processed.t",
    "SUGGEST CONSTRAINTS FOR processed.u",
    "EXPLAIN SELECT * FROM processed.t",
];

/// Grows random expressions, each of a kind, so that most of them have a value.
struct Grower(ChaCha8Rng);

impl Grower {
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.choose(&mut self.0).unwrap()
    }

    fn upto(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    fn number(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&["id", "i", "x", "m", "n", "1", "2.5", "CAST(NULL AS INT)"])
                .to_owned();
        }
        let (a, b) = (self.number(depth - 1), self.number(depth - 1));
        match self.upto(10) {
            0 => format!("({a} + {b})"),
            1 => format!("(-{a})"),
            2 => format!("CASE WHEN {} THEN {a} ELSE {b} END", self.truth(depth - 1)),
            3 => format!("coalesce({a}, {b})"),
            4 => format!("length({})", self.text(depth - 1)),
            5 => format!(
                "CAST({a} AS {})",
                self.pick(&["DOUBLE", "BIGINT", "INT", "DECIMAL(20, 4)", "REAL"])
            ),
            6 => format!(
                "arrow_cast(id, '{}')",
                self.pick(&[
                    "UInt8",
                    "Int16",
                    "Float16",
                    "UInt64",
                    "Decimal32(9, 2)",
                    "Decimal64(18, 3)",
                    "Decimal256(50, 2)"
                ])
            ),
            7 => "s['a']".to_owned(),
            8 => "l[1]".to_owned(),
            _ => format!("greatest({a}, {b})"),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&["name", "'x'", "''", "CAST(NULL AS VARCHAR)", "s['b']"])
                .to_owned();
        }
        let text = self.text(depth - 1);
        match self.upto(6) {
            0 => format!("upper({text})"),
            1 => format!("({text} || {})", self.text(depth - 1)),
            2 => format!("CAST({} AS VARCHAR)", self.number(depth - 1)),
            3 => format!("nullif({text}, 'x')"),
            _ => format!(
                "arrow_cast({text}, '{}')",
                self.pick(&["Utf8View", "LargeUtf8", "Utf8", "Dictionary(Int16, Utf8)"])
            ),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        match self.upto(4) {
            0 => "b".to_owned(),
            1 => format!("{} > {}", self.number(depth), self.number(depth)),
            2 => format!("{} LIKE 'r%'", self.text(depth)),
            _ => format!("{} IS NOT NULL", self.any(depth)),
        }
    }

    fn moment(&mut self) -> String {
        self.pick(&[
            "d",
            "ts",
            "ts + INTERVAL '1 day'",
            "INTERVAL '1 month 2 days'",
            "arrow_cast(ts, 'Timestamp(Second, None)')",
            "arrow_cast(ts, 'Timestamp(Millisecond, Some(\"Europe/Berlin\"))')",
            "arrow_cast('10:00:00', 'Time32(Second)')",
            "arrow_cast(1, 'Duration(Millisecond)')",
            "arrow_cast(d, 'Date64')",
            "date_trunc('hour', ts)",
        ])
        .to_owned()
    }

    fn nested(&mut self, depth: usize) -> String {
        let depth = depth.saturating_sub(1);
        match self.upto(8) {
            0 => "l".to_owned(),
            1 => "s".to_owned(),
            2 => format!("[{}, {}]", self.number(depth), self.number(depth)),
            3 => format!("[{}]", self.text(depth)),
            4 => format!(
                "named_struct('k', {}, 'm', {})",
                self.any(depth),
                self.text(depth)
            ),
            5 => format!("map(['a'], [{}])", self.number(depth)),
            6 => format!(
                "arrow_cast([1, 2], '{}')",
                self.pick(&["LargeList(Int64)", "FixedSizeList(2 x Int64)", "List(Int8)"])
            ),
            _ => format!(
                "[named_struct('k', arrow_cast({}, 'Dictionary(Int8, Utf8)'))]",
                self.text(depth)
            ),
        }
    }

    fn any(&mut self, depth: usize) -> String {
        match self.upto(10) {
            0..=2 => self.number(depth),
            3..=5 => self.text(depth),
            6 => self.moment(),
            7 => self
                .pick(&[
                    "b",
                    "NULL",
                    "true",
                    "x'00ff'",
                    "arrow_cast(x'01', 'BinaryView')",
                    "arrow_cast(x'01', 'LargeBinary')",
                ])
                .to_owned(),
            _ => self.nested(depth),
        }
    }

    fn columns(&mut self, of: fn(&mut Self, usize) -> String) -> String {
        let count = 1 + self.upto(5);
        let columns = (0..count).map(|i| {
            let depth = self.upto(4);
            format!("{} AS c{i}", of(self, depth))
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    fn aggregate(&mut self, depth: usize) -> String {
        let inner = self.number(depth);
        match self.upto(8) {
            0 => "count(*)".to_owned(),
            1 => format!("array_agg({})", self.text(depth)),
            2 => format!("min({})", self.text(depth)),
            3 => format!("max({})", self.moment()),
            4 => format!("first_value({} ORDER BY id)", self.any(depth)),
            5 => format!("avg({inner})"),
            6 => format!("max({inner}) FILTER (WHERE {})", self.truth(0)),
            _ => format!("sum({inner})"),
        }
    }

    fn query(&mut self) -> String {
        let plain = self.columns(Self::any);
        match self.upto(12) {
            0 => format!(
                "SELECT {plain} FROM processed.t WHERE {} ORDER BY id LIMIT 5",
                self.truth(1)
            ),
            1 => format!("SELECT {} FROM processed.t", self.columns(Self::aggregate)),
            2 => format!(
                "SELECT {} AS g, {} FROM processed.t GROUP BY 1",
                self.text(1),
                self.columns(Self::aggregate)
            ),
            3 => format!("SELECT {plain}, w, v FROM processed.t LEFT JOIN processed.u USING (id)"),
            4 => format!(
                "SELECT {} AS c FROM processed.t UNION ALL SELECT {} FROM processed.t",
                self.text(2),
                self.text(2)
            ),
            5 => format!(
                "SELECT {} AS c FROM processed.t UNION SELECT {} FROM processed.t",
                self.number(2),
                self.number(2)
            ),
            6 => format!(
                "SELECT {plain}, sum({}) OVER (ORDER BY id) AS o, lag({}) OVER (ORDER BY id) AS p FROM processed.t",
                self.number(1),
                self.text(1)
            ),
            7 => format!("WITH q AS (SELECT {plain} FROM processed.t) SELECT * FROM q LIMIT 3"),
            8 => format!("SELECT DISTINCT {} AS c FROM processed.t", self.text(2)),
            9 => format!(
                "SELECT v.*, {} AS c FROM curated.v v JOIN processed.t USING (id, name, l) WHERE id < 0",
                self.number(1)
            ),
            10 => "SELECT min(id) AS a, max(w) AS b, count(v) AS c, min(v) AS d FROM processed.u".to_owned(),
            _ => format!("SELECT {plain} FROM processed.t"),
        }
    }
}

/// Where a schema was told, and what it was; or the code of the error.
type Told = Result<SchemaRef, tonic::Code>;

fn told(schema: Result<Schema, FlightError>) -> Told {
    schema.map(SchemaRef::new).map_err(|e| code(&e))
}

fn of_info(info: &Result<FlightInfo, FlightError>) -> Told {
    let info = info.as_ref().map_err(code)?;
    Ok(SchemaRef::new(info.clone().try_decode_schema().unwrap()))
}

/// What the rows are said to be; `None` if computing them fails.
async fn of_rows(client: &mut Client, info: FlightInfo) -> Option<SchemaRef> {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut rows = client.do_get(ticket).await.ok()?;
    loop {
        match rows.try_next().await {
            Ok(Some(batch)) => assert_eq!(Some(&batch.schema()), rows.schema()),
            Ok(None) => return Some(rows.schema().cloned().unwrap()),
            Err(error) => {
                assert_ne!(code(&error), tonic::Code::Internal, "{error}");
                return None;
            }
        }
    }
}

/// Whether clients of years ago know the type, at every depth.
fn is_old(field: &Field) -> bool {
    match field.data_type() {
        DataType::List(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => is_old(item),
        DataType::Struct(fields) => fields.iter().all(|field| is_old(field)),
        DataType::Utf8View
        | DataType::BinaryView
        | DataType::LargeUtf8
        | DataType::LargeBinary
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Dictionary(_, _)
        | DataType::RunEndEncoded(_, _)
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Float16 => false,
        _ => true,
    }
}

/// Asks about `sql` everywhere. Says whether it has an answer.
async fn agrees(plain: &mut FlightClient, client: &mut Client, sql: &str) -> bool {
    let command = CommandStatementQuery {
        query: sql.to_owned(),
        transaction_id: None,
    };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let of_schema = told(plain.get_schema(descriptor).await);
    let info = client.execute(sql.to_owned(), None).await;
    let first = of_info(&info);
    assert_eq!(of_schema, first, "GetSchema and GetFlightInfo of {sql}");
    let mut prepared = match client.prepare(sql.to_owned(), None).await {
        Ok(prepared) => prepared,
        Err(error) => {
            assert_eq!(
                first,
                Err(code(&error)),
                "GetFlightInfo and CreatePreparedStatement of {sql}"
            );
            return false;
        }
    };
    let of_prepared = told(prepared.dataset_schema().cloned());
    assert_eq!(
        of_prepared, first,
        "a prepared statement and GetFlightInfo of {sql}"
    );
    let run = prepared.execute().await;
    assert_eq!(of_info(&run), first, "GetFlightInfo, prepared and not, of {sql}");
    let mut all = vec![
        of_rows(client, info.unwrap()).await,
        of_rows(client, run.unwrap()).await,
    ];
    prepared.close().await.unwrap();
    let schema = first.unwrap();
    for field in schema.fields() {
        assert!(field.is_nullable() && is_old(field), "{sql}: {field}");
        assert!(
            field.metadata().contains_key("ARROW:FLIGHT:SQL:TYPE_NAME"),
            "{sql}: {field}"
        );
    }
    let answered = all.iter().all(Option::is_some);
    all.retain(Option::is_some);
    for rows in all.into_iter().flatten() {
        assert_eq!(rows, schema, "the rows of {sql}");
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_have_one_schema_everywhere() {
    let served = Served::new().await;
    let mut client = served.client().await;
    let mut plain = FlightClient::new(served.channel().await);
    for sql in TABLES {
        client.execute_update(sql.to_owned(), None).await.unwrap();
    }
    for sql in STATEMENTS {
        assert!(agrees(&mut plain, &mut client, sql).await, "{sql}");
    }
    let mut grower = Grower(ChaCha8Rng::seed_from_u64(8));
    let mut answered = 0;
    for _ in 0..QUERIES {
        let sql = grower.query();
        answered += usize::from(agrees(&mut plain, &mut client, &sql).await);
    }
    assert!(answered >= ANSWERED_AT_LEAST, "{answered}");
    assert_eq!(served.server.held(), (0, 0));
}
