//! `.copy`: the last result, for pasting elsewhere.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use arrow::array::RecordBatch;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use indicatif::HumanCount;
use tokio::task::block_in_place;

use crate::error::{Code, Error, Result};
use crate::render::{Format, RenderOptions, Renderer};
use crate::repl::footer::counted;
use crate::repl::note;
use crate::repl::screen::Drawing;
use crate::repl::shell::Shell;

/// Terminals take no more than this in one go.
const TERMINAL_BYTES: usize = 74_994;

impl Shell<'_> {
    pub(super) fn copy(&mut self, format: Option<&str>) -> Result<()> {
        let format = format.map_or(Ok(Format::Tsv), str::parse)?;
        if format.is_binary() {
            return Err(Error::new(Code::InvalidValue, format!("{format} is no text"))
                .with_hint(".once FILE writes it to a file"));
        }
        let (schema, batches) = self.last.get()?;
        let drawing = Drawing::default();
        let mut renderer = Renderer::new(format, Box::new(drawing.clone()), RenderOptions::default());
        renderer.begin(&schema)?;
        for batch in &batches {
            renderer.batch(batch)?;
        }
        renderer.end()?;
        renderer.finish()?;
        let text = std::mem::take(&mut *drawing.0.lock());
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let rows = counted(rows as u64, "row");
        match self.options.clipboard.clone().filter(|_| !self.presenter.is_safe) {
            Some(program) => {
                block_in_place(|| hand_to(&program, &text))?;
                note(&format!("copied {rows} as {format}"));
            }
            None => {
                hand_to_terminal(&text)?;
                note(&format!(
                    "copied {rows} as {format}, if the terminal lets programs write its clipboard"
                ));
            }
        }
        Ok(())
    }
}

fn hand_to(program: &str, text: &[u8]) -> Result<()> {
    let wrong = |e| Error::io(program, "run", e);
    let mut shell = Command::new("sh");
    shell.args(["-c", program]).stdin(Stdio::piped());
    let mut child = shell.spawn().map_err(wrong)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text).map_err(wrong)?;
    }
    match child.wait().map_err(wrong)?.success() {
        true => Ok(()),
        false => Err(Error::new(
            Code::Io,
            format!("'{program}' failed, and nothing is copied"),
        )),
    }
}

/// OSC 52: the terminal puts a text, in base 64, on its clipboard.
fn hand_to_terminal(text: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return Err(Error::new(
            Code::InvalidStatement,
            "there is no terminal with a clipboard",
        ));
    }
    if text.len() > TERMINAL_BYTES {
        let message = format!(
            "{} bytes are more than a terminal's clipboard takes",
            HumanCount(text.len() as u64)
        );
        return Err(Error::new(Code::InvalidStatement, message).with_hint(".once FILE writes them to a file"));
    }
    let sequence = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    let written = stdout
        .write_all(sequence.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(|e| Error::io("the terminal", "write to", e))
}
