//! The writer that results are put on, with the text that has not been written yet.

use std::io::{self, ErrorKind, Write};

use crate::error::{Code, Error, Result};

/// Text is handed on in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;

/// Where a renderer writes. Text is collected in [`Output::text`] and handed on in pieces.
pub(super) struct Output {
    sink: Box<dyn Write + Send>,
    pub(super) text: String,
}

impl Output {
    pub(super) fn new(sink: Box<dyn Write + Send>) -> Self {
        Self {
            sink,
            text: String::new(),
        }
    }

    /// Hands the text on if there is much of it. To be called after every row.
    pub(super) fn relieve(&mut self) -> Result<()> {
        if self.text.len() < PIECE_BYTES {
            return Ok(());
        }
        self.write_text()
    }

    /// Writes bytes, after the text that was there before them.
    pub(super) fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_text()?;
        self.sink.write_all(bytes).map_err(failed)
    }

    /// Hands on all text and flushes the writer.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.write_text()?;
        self.sink.flush().map_err(failed)
    }

    fn write_text(&mut self) -> Result<()> {
        let written = self.sink.write_all(self.text.as_bytes());
        self.text.clear();
        written.map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::Io,
    };
    Error::new(code, format!("cannot write the result: {error}")).with_source(error)
}

/// Whether the error is that nobody reads the output any more, as when `head` has seen enough. To a
/// front end that is the end of its work and no failure.
pub fn is_broken_pipe(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == ErrorKind::BrokenPipe;
        }
        cause = error.source();
    }
    false
}
