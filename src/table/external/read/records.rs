//! Bytes → the records of a delimited text, each field with whether it was quoted.
//!
//! RFC 4180, read leniently: `\n`, `\r\n` and `\r` end a record, empty lines are none, a quote inside
//! quotes is doubled or escaped, what follows a closing quote belongs to the field. Refused: a quote
//! that is never closed, and text that is not UTF-8.

use std::io::Read;

use memchr::{memchr2, memchr3};

/// How much is read at a time.
const CHUNK: usize = 256 << 10;

/// How a text is delimited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
}

/// A field: where it ends in the text of its batch, and whether it was quoted.
#[derive(Debug, Clone, Copy)]
struct Field {
    end: usize,
    quoted: bool,
}

/// Some records, taken apart.
#[derive(Debug, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    text: String,
    fields: Vec<Field>,
    /// Where each record's fields begin in `fields`.
    starts: Vec<usize>,
    /// The line on which each record begins, from 1.
    lines: Vec<u64>,
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The line on which a record begins, from 1.
    pub(super) fn line(&self, record: usize) -> u64 {
        self.lines.get(record).copied().unwrap_or_default()
    }

    /// How many fields a record has.
    pub(super) fn width(&self, record: usize) -> usize {
        let next = self.starts.get(record + 1).copied();
        next.unwrap_or(self.fields.len()) - self.starts[record]
    }

    /// A field's text, and whether it was quoted; `None` if its bytes are no text.
    pub(super) fn field(&self, record: usize, position: usize) -> Option<(&str, bool)> {
        let index = self.starts[record] + position;
        let field = self.fields.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.fields[before].end,
            None => 0,
        };
        Some((self.text.get(start..field.end)?, field.quoted))
    }

    fn clear(&mut self) {
        self.bytes = std::mem::take(&mut self.text).into_bytes();
        self.bytes.clear();
        self.fields.clear();
        self.starts.clear();
        self.lines.clear();
    }
}

/// What is wrong with a text.
#[derive(Debug)]
pub(super) enum Fault {
    Read(std::io::Error),
    OpenQuote { line: u64 },
    NotText { line: u64 },
}

/// Takes a text apart, record by record.
pub(super) struct Tokenizer<R> {
    input: R,
    dialect: Dialect,
    buffer: Vec<u8>,
    position: usize,
    at_end: bool,
    line: u64,
}

/// How far a record goes.
enum Scan {
    /// It is in `records`; the next one begins here.
    Record(usize),
    /// A line that is none; the next one begins here.
    Nothing(usize),
    /// The buffer ends first.
    Incomplete,
    /// Its quote is open at the end of the text.
    OpenQuote,
}

impl<R: Read> Tokenizer<R> {
    pub(super) fn new(input: R, dialect: Dialect) -> Self {
        Self {
            input,
            dialect,
            buffer: Vec::new(),
            position: 0,
            at_end: false,
            line: 1,
        }
    }

    /// Reads up to `limit` records. Fewer are the last.
    pub(super) fn read(&mut self, records: &mut Records, limit: usize) -> Result<(), Fault> {
        records.clear();
        if self.buffer.is_empty() && !self.at_end {
            self.fill()?;
            if self.buffer.starts_with(b"\xEF\xBB\xBF") {
                self.position = 3;
            }
        }
        while records.len() < limit {
            if self.position == self.buffer.len() && self.at_end {
                break;
            }
            let (bytes, fields) = (records.bytes.len(), records.fields.len());
            let next = match self.scan(records) {
                Scan::Record(next) => {
                    records.starts.push(fields);
                    records.lines.push(self.line);
                    next
                }
                Scan::Nothing(next) => next,
                Scan::Incomplete => {
                    records.bytes.truncate(bytes);
                    records.fields.truncate(fields);
                    self.fill()?;
                    continue;
                }
                Scan::OpenQuote => return Err(Fault::OpenQuote { line: self.line }),
            };
            self.line += count_lines(&self.buffer[self.position..next]);
            self.position = next;
        }
        match String::from_utf8(std::mem::take(&mut records.bytes)) {
            Ok(text) => records.text = text,
            Err(error) => {
                let bad = error.utf8_error().valid_up_to();
                let field = records.fields.partition_point(|field| field.end <= bad);
                let record = records.starts.partition_point(|start| *start <= field);
                return Err(Fault::NotText {
                    line: records.line(record.saturating_sub(1)),
                });
            }
        }
        Ok(())
    }

    /// Reads more, and lets go of what has been taken apart.
    fn fill(&mut self) -> Result<(), Fault> {
        self.buffer.drain(..self.position);
        self.position = 0;
        let had = self.buffer.len();
        // A record longer than a chunk is read in steps that double.
        let room = CHUNK.max(had);
        self.buffer.resize(had + room, 0);
        let mut filled = had;
        while filled < self.buffer.len() {
            match self.input.read(&mut self.buffer[filled..]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Fault::Read(e)),
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    fn scan(&self, records: &mut Records) -> Scan {
        let buffer = &self.buffer;
        let mut at = self.position;
        let Some(first) = buffer.get(at) else {
            return self.ended(Scan::Nothing(at));
        };
        if Some(*first) == self.dialect.comment {
            return match memchr2(b'\n', b'\r', &buffer[at..]) {
                Some(length) => self
                    .after_line(at + length)
                    .map_or(Scan::Incomplete, Scan::Nothing),
                None => self.ended(Scan::Nothing(buffer.len())),
            };
        }
        if matches!(first, b'\n' | b'\r') {
            return self.after_line(at).map_or(Scan::Incomplete, Scan::Nothing);
        }
        loop {
            let quoted = buffer.get(at) == Some(&self.dialect.quote);
            if quoted {
                match self.quoted(at + 1, &mut records.bytes) {
                    Some(end) => at = end,
                    None => return self.ended(Scan::OpenQuote),
                }
            }
            let rest = &buffer[at..];
            let length = memchr3(self.dialect.delimiter, b'\n', b'\r', rest);
            let end = at + length.unwrap_or(rest.len());
            records.bytes.extend_from_slice(&buffer[at..end]);
            records.fields.push(Field {
                end: records.bytes.len(),
                quoted,
            });
            match buffer.get(end) {
                None => return self.ended(Scan::Record(end)),
                Some(byte) if *byte == self.dialect.delimiter => at = end + 1,
                Some(_) => return self.after_line(end).map_or(Scan::Incomplete, Scan::Record),
            }
        }
    }

    /// What the end of the buffer means: the end of the text, or that there is more to read.
    fn ended(&self, scan: Scan) -> Scan {
        if self.at_end { scan } else { Scan::Incomplete }
    }

    /// The next line's begin, for an end of line at `at`. Whether `\r` is followed by `\n` must be seen.
    fn after_line(&self, at: usize) -> Option<usize> {
        match (self.buffer[at], self.buffer.get(at + 1)) {
            (b'\n', _) => Some(at + 1),
            (_, Some(b'\n')) => Some(at + 2),
            (_, None) if !self.at_end => None,
            _ => Some(at + 1),
        }
    }

    /// Takes what stands inside quotes from `at` on; gives the place behind the closing one.
    fn quoted(&self, mut at: usize, bytes: &mut Vec<u8>) -> Option<usize> {
        let Dialect { quote, escape, .. } = self.dialect;
        loop {
            let rest = self.buffer.get(at..)?;
            let sign = memchr2(quote, escape.unwrap_or(quote), rest)?;
            bytes.extend_from_slice(&rest[..sign]);
            at += sign;
            let next = self.buffer.get(at + 1).copied();
            if Some(self.buffer[at]) == escape && escape != Some(quote) {
                bytes.push(next?);
                at += 2;
            } else if next == Some(quote) {
                bytes.push(quote);
                at += 2;
            } else if next.is_none() && !self.at_end {
                return None;
            } else {
                return Some(at + 1);
            }
        }
    }
}

/// How many lines end in `bytes`.
fn count_lines(bytes: &[u8]) -> u64 {
    let mut lines = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(i + 1) != Some(&b'\n'));
        lines += u64::from(ends);
    }
    lines
}

#[cfg(test)]
mod tests;
