//! Texts of every shape, read whole and in the smallest pieces.

use proptest::prelude::*;

use super::*;

/// Gives its bytes one at a time.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.split_first() {
            Some((first, rest)) if !buffer.is_empty() => {
                buffer[0] = *first;
                self.0 = rest;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

const PLAIN: Dialect = Dialect {
    delimiter: b',',
    quote: b'"',
    escape: None,
    comment: None,
};

fn read(text: &[u8], dialect: Dialect, at_once: usize) -> Result<Vec<Vec<(String, bool)>>, Fault> {
    let mut tokenizer = Tokenizer::new(Drops(text), dialect);
    let mut all = Vec::new();
    let mut records = Records::default();
    loop {
        tokenizer.read(&mut records, at_once)?;
        for record in 0..records.len() {
            let fields = (0..records.width(record)).map(|position| {
                let (text, quoted) = records.field(record, position).unwrap();
                (text.to_owned(), quoted)
            });
            all.push(fields.collect());
        }
        if records.len() < at_once {
            return Ok(all);
        }
    }
}

fn texts(text: &str, dialect: Dialect) -> Vec<Vec<String>> {
    let records = read(text.as_bytes(), dialect, 2).unwrap();
    let plain = |record: Vec<(String, bool)>| record.into_iter().map(|(text, _)| text).collect();
    records.into_iter().map(plain).collect()
}

#[test]
fn records_end_as_every_system_ends_lines() {
    let expected = vec![vec!["a", "b"], vec!["1", ""], vec!["", "2"]];
    for text in [
        "a,b\n1,\n,2\n",
        "a,b\r\n1,\r\n\r\n,2",
        "a,b\r1,\r,2\r",
        "\u{feff}a,b\n\n1,\n,2",
    ] {
        assert_eq!(texts(text, PLAIN), expected, "{text:?}");
    }
    assert!(texts("", PLAIN).is_empty());
}

#[test]
fn quotes_hold_what_would_end_a_field() {
    let text = "\"a,\"\"b\"\"\n\",\"\"\n,\"x\"y\n";
    let records = read(text.as_bytes(), PLAIN, 1).unwrap();
    let quoted = |text: &str| (text.to_owned(), true);
    assert_eq!(records[0], [quoted("a,\"b\"\n"), quoted("")]);
    assert_eq!(records[1], [(String::new(), false), quoted("xy")]);
    let escaped = Dialect {
        escape: Some(b'\\'),
        comment: Some(b'#'),
        ..PLAIN
    };
    assert_eq!(texts("#c\n\"a\\\"b\",\\n\n#\n", escaped), [["a\"b", "\\n"]]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let fault = |text: &[u8]| read(text, PLAIN, 10).unwrap_err();
    assert!(matches!(fault(b"a\n1\n\"open\n\n"), Fault::OpenQuote { line: 3 }));
    assert!(matches!(
        fault(b"a\n\"x\ny\"\n\xff\n"),
        Fault::NotText { line: 4 }
    ));
}

proptest! {
    #[test]
    fn what_is_quoted_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a,\"\n\r é]{0,6}", 2..4), 0..8),
        at_once in 1_usize..5,
    ) {
        let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",");
        let text = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
        let read = read(text.as_bytes(), PLAIN, at_once).unwrap();
        let read: Vec<Vec<String>> =
            read.into_iter().map(|row| row.into_iter().map(|(text, _)| text).collect()).collect();
        prop_assert_eq!(read, rows);
    }
}
