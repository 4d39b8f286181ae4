//! The eleven formats, on stdout and as files.

use std::fs::File;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::program::Lake;

/// A row of values and one of NULLs.
const QUERY: &str =
    "SELECT * FROM (VALUES (1, 'a \"b\", c', ''), (NULL, NULL, '|<')) AS t(id, \"Full Name\", note)";

/// The formats that are text, each with the answer to [`QUERY`].
const TEXTS: &[(&str, &str)] = &[
    (
        "table",
        "┌────────┬───────────┬─────────┐\n\
         │     id │ Full Name │ note    │\n\
         │ BIGINT │ VARCHAR   │ VARCHAR │\n\
         ├────────┼───────────┼─────────┤\n\
         │      1 │ a \"b\", c  │         │\n\
         │   NULL │ NULL      │ |<      │\n\
         └────────┴───────────┴─────────┘\n\
         (2 rows)\n",
    ),
    (
        "expanded",
        "-[ RECORD 1 ]-\n\
         id        | 1\n\
         Full Name | a \"b\", c\n\
         note      | \n\
         -[ RECORD 2 ]-\n\
         id        | NULL\n\
         Full Name | NULL\n\
         note      | |<\n\
         (2 rows)\n",
    ),
    ("csv", "id,Full Name,note\n1,\"a \"\"b\"\", c\",\"\"\n,,|<\n"),
    ("tsv", "id\tFull Name\tnote\n1\ta \"b\", c\t\n\\N\t\\N\t|<\n"),
    (
        "json",
        "[\n{\"id\":1,\"Full Name\":\"a \\\"b\\\", c\",\"note\":\"\"},\n\
         {\"id\":null,\"Full Name\":null,\"note\":\"|<\"}\n]\n",
    ),
    (
        "ndjson",
        "{\"id\":1,\"Full Name\":\"a \\\"b\\\", c\",\"note\":\"\"}\n\
         {\"id\":null,\"Full Name\":null,\"note\":\"|<\"}\n",
    ),
    (
        "markdown",
        "| id | Full Name | note |\n\
         | ---: | --- | --- |\n\
         | 1 | a \"b\", c |  |\n\
         | NULL | NULL | \\|\\< |\n",
    ),
    (
        "html",
        "<table>\n<thead>\n<tr><th>id</th><th>Full Name</th><th>note</th></tr>\n</thead>\n<tbody>\n\
         <tr><td>1</td><td>a \"b\", c</td><td></td></tr>\n\
         <tr><td>NULL</td><td>NULL</td><td>|&lt;</td></tr>\n</tbody>\n</table>\n",
    ),
    (
        "insert",
        "INSERT INTO result (id, \"Full Name\", note) VALUES\n\
         (1, 'a \"b\", c', ''),\n(NULL, NULL, '|<');\n",
    ),
];

#[test]
fn every_text_format_is_written_to_stdout_and_to_files() {
    let lake = Lake::new();
    for (format, text) in TEXTS {
        assert_eq!(
            lake.run(&["--format", format, "-c", QUERY]).rows(),
            *text,
            "{format}"
        );
        let run = lake.run(&[
            "--format",
            &format.to_uppercase(),
            "--output",
            "result",
            "-c",
            QUERY,
        ]);
        assert_eq!(run.rows(), "");
        assert_eq!(
            std::fs::read_to_string(lake.here().join("result")).unwrap(),
            *text,
            "{format}"
        );
    }
}

#[test]
fn a_pipe_gets_csv() {
    let lake = Lake::new();
    assert_eq!(
        lake.sql(QUERY).rows(),
        "id,Full Name,note\n1,\"a \"\"b\"\", c\",\"\"\n,,|<\n"
    );
}

#[test]
fn results_in_one_text_are_separated_by_an_empty_line() {
    let lake = Lake::new();
    let sql = "SELECT 1 AS a; CREATE TABLE raw.t (a INT); SELECT 2 AS b WHERE false; SELECT 3 AS c";
    for (format, text) in [
        ("csv", "a\n1\n\nb\n\nc\n3\n"),
        ("tsv", "a\n1\n\nb\n\nc\n3\n"),
        ("json", "[\n{\"a\":1}\n]\n\n[]\n\n[\n{\"c\":3}\n]\n"),
        ("ndjson", "{\"a\":1}\n\n\n{\"c\":3}\n"),
    ] {
        let sql = format!("DROP TABLE IF EXISTS raw.t; {sql}");
        assert_eq!(lake.run(&["-q", "--format", format, "-c", &sql]).rows(), text);
    }
}

#[test]
fn a_file_of_a_known_kind_is_written_in_it() {
    let lake = Lake::new();
    for (name, format) in [
        ("r.csv", "csv"),
        ("r.TSV", "tsv"),
        ("r.json", "json"),
        ("r.ndjson", "ndjson"),
        ("r.jsonl", "ndjson"),
        ("r.md", "markdown"),
        ("r.html", "html"),
        ("r.sql", "insert"),
        ("r.txt", "csv"),
        ("r", "csv"),
    ] {
        assert_eq!(lake.run(&["-o", name, "-c", QUERY]).rows(), "");
        let (_, expected) = TEXTS.iter().find(|(known, _)| *known == format).unwrap();
        assert_eq!(
            std::fs::read_to_string(lake.here().join(name)).unwrap(),
            *expected,
            "{name}"
        );
    }
    assert_eq!(
        lake.run(&["-o", "r.json", "--format", "csv", "-c", "SELECT 1 AS a"])
            .rows(),
        ""
    );
    assert_eq!(
        std::fs::read_to_string(lake.here().join("r.json")).unwrap(),
        "a\n1\n"
    );
    assert_eq!(lake.run(&["-o", "r.parquet", "-c", QUERY]).rows(), "");
    check(&parquet(&lake, "r.parquet"));
}

fn parquet(lake: &Lake, name: &str) -> Vec<RecordBatch> {
    let file = File::open(lake.here().join(name)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    reader.map(Result::unwrap).collect()
}

/// That the batches are the answer to [`QUERY`].
#[track_caller]
fn check(batches: &[RecordBatch]) {
    let batch = arrow::compute::concat_batches(&batches[0].schema(), batches).unwrap();
    let schema = batch.schema();
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["id", "Full Name", "note"]);
    let ids: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(ids, [Some(1), None]);
    let texts = |i: usize| {
        let column = arrow::compute::cast(batch.column(i), &DataType::Utf8).unwrap();
        let texts = column.as_string::<i32>().iter();
        texts.map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(texts(1), [Some("a \"b\", c".to_owned()), None]);
    assert_eq!(texts(2), [Some(String::new()), Some("|<".to_owned())]);
}

#[test]
fn parquet_is_read_back() {
    let lake = Lake::new();
    let run = lake.run(&["--format", "parquet", "--output", "r", "-c", QUERY]);
    assert_eq!(run.rows(), "");
    check(&parquet(&lake, "r"));
    let bytes = lake
        .weir()
        .args(["--format", "parquet", "-c", QUERY])
        .output()
        .unwrap();
    lake.write("piped", &bytes.stdout);
    check(&parquet(&lake, "piped"));
}

#[test]
fn arrow_is_a_file_in_a_file_and_a_stream_in_a_pipe() {
    let lake = Lake::new();
    let run = lake.run(&["--format", "arrow", "--output", "r", "-c", QUERY]);
    assert_eq!(run.rows(), "");
    let file = File::open(lake.here().join("r")).unwrap();
    let batches: Vec<_> = FileReader::try_new(file, None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    check(&batches);
    let bytes = lake
        .weir()
        .args(["--format", "arrow", "-c", QUERY])
        .output()
        .unwrap();
    let stream = StreamReader::try_new(bytes.stdout.as_slice(), None).unwrap();
    check(&stream.map(Result::unwrap).collect::<Vec<_>>());
}

#[test]
fn a_binary_file_holds_one_result() {
    let lake = Lake::new();
    for format in ["parquet", "arrow"] {
        let run = lake.run(&[
            "--format",
            format,
            "--output",
            "r",
            "-c",
            "SELECT 1 AS a; SELECT 2 AS b",
        ]);
        let expected = format!("error[22023]: a second result cannot be written as {format}\n");
        assert!(run.error(1).starts_with(&expected), "{}", run.stderr);
        assert!(!lake.here().join("r").exists());
    }
}
