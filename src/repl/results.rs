//! Where results go, how many of their rows are shown, and what is said under them.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use indicatif::HumanCount;

use super::interrupts::Interrupts;
use super::last::Keeper;
use super::note;
use super::shell::Shell;
use super::statements::{Event, Running};
use crate::error::{Code, Error, Result};
use crate::render::{Destination, Fit, Format, Meter, OpenDestination, RenderOptions, Renderer};

/// How many rows of a table a terminal is shown.
const SHOWN: usize = 1000;
const WAY_OUT: &str = "\\G or .mode expanded shows all";

/// What is known about how results are shown.
pub(super) struct Presenter {
    pub(super) mode: Format,
    pub(super) has_timing: bool,
    /// How wide the terminal is that results go to.
    pub(super) screen: Option<usize>,
    /// The file of the next result.
    pub(super) once: Option<PathBuf>,
    /// The file of all results.
    output: Option<OpenFile>,
    quiet: bool,
    is_terminal: bool,
    /// Whether stdout has a result already, from which the next is set off.
    has_result: bool,
}

/// A file that results are written to.
struct OpenFile {
    path: PathBuf,
    format: Format,
    destination: OpenDestination,
}

impl OpenFile {
    fn open(path: &Path, mode: Format) -> Result<Self> {
        let format = format_of(path, mode);
        let destination = Destination::File(path.to_owned());
        Ok(Self {
            path: path.to_owned(),
            format,
            destination: OpenDestination::open(&destination, format, RenderOptions::default())?,
        })
    }
}

/// The modes for people give way to a format that the file's ending names.
fn format_of(path: &Path, mode: Format) -> Format {
    let is_for_people = matches!(mode, Format::Table | Format::Expanded);
    let ending = path.extension().and_then(|ending| ending.to_str());
    let named = Format::ALL
        .iter()
        .filter(|format| format.extension() != "txt")
        .find(|format| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(format.extension())));
    named.copied().filter(|_| is_for_people).unwrap_or(mode)
}

impl Presenter {
    pub(super) fn new(mode: Format, destination: &Destination, quiet: bool) -> Result<Self> {
        let output = match destination {
            Destination::Stdout => None,
            Destination::File(path) => Some(OpenFile::open(path, mode)?),
        };
        Ok(Self {
            mode,
            has_timing: true,
            screen: None,
            once: None,
            output,
            quiet,
            is_terminal: std::io::stdout().is_terminal(),
            has_result: false,
        })
    }

    /// Chooses the mode.
    ///
    /// # Errors
    /// [`Code::InvalidStatement`] while a file is open, which has one format.
    pub(super) fn set_mode(&mut self, mode: Format) -> Result<()> {
        self.no_file_is_open("its format stays")?;
        self.mode = mode;
        Ok(())
    }

    /// Sends results to `path` from now on, or back to stdout.
    ///
    /// # Errors
    /// What the operating system says about either file.
    pub(super) fn redirect(&mut self, path: Option<&Path>) -> Result<()> {
        self.close()?;
        if let Some(path) = path {
            let file = OpenFile::open(path, self.mode)?;
            self.tell(&format!(
                "results go to '{}' as {}; it appears at the next .output",
                path.display(),
                file.format
            ));
            self.output = Some(file);
        }
        Ok(())
    }

    /// Finishes the file that is open.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn close(&mut self) -> Result<()> {
        let Some(file) = self.output.take() else {
            return Ok(());
        };
        file.destination.finish()?;
        self.tell(&format!("wrote '{}'", file.path.display()));
        Ok(())
    }

    fn tell(&self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }

    fn no_file_is_open(&self, what: &str) -> Result<()> {
        match &self.output {
            None => Ok(()),
            Some(file) => Err(Error::new(
                Code::InvalidStatement,
                format!(
                    "results go to '{}' as {}; {what}",
                    file.path.display(),
                    file.format
                ),
            )
            .with_hint(".output without a file goes back to the terminal")),
        }
    }

    /// Where the next result goes.
    fn target(&mut self, is_expanded: bool) -> Result<Target<'_>> {
        let mode = if is_expanded { Format::Expanded } else { self.mode };
        if let Some(path) = self.once.take() {
            return Ok(Target::Once(OpenFile::open(&path, mode)?));
        }
        if is_expanded {
            self.no_file_is_open("\\G has no place there")?;
        }
        if let Some(file) = &mut self.output {
            return Ok(Target::File(file));
        }
        if self.is_terminal && mode.is_binary() {
            let message = format!("{mode} is not for a terminal");
            return Err(Error::new(Code::InvalidValue, message).with_hint(".once FILE writes it to a file"));
        }
        let is_table = mode == Format::Table && self.is_terminal;
        let options = RenderOptions {
            row_count: !self.is_terminal || self.quiet,
            fit: self.screen.filter(|_| is_table).map(|screen| Fit {
                screen,
                way_out: WAY_OUT.to_owned(),
            }),
            ..RenderOptions::default()
        };
        if !self.is_terminal && self.has_result && !mode.is_binary() {
            let separated = std::io::stdout().write_all(b"\n");
            separated.map_err(|e| Error::new(Code::Io, format!("cannot write: {e}")).with_source(e))?;
        }
        self.has_result = true;
        Ok(Target::Stdout {
            renderer: Renderer::new(mode, Box::new(std::io::stdout()), options),
            is_terminal: self.is_terminal,
            shown: is_table.then_some(SHOWN),
        })
    }
}

/// Where one result goes.
enum Target<'p> {
    Stdout {
        renderer: Renderer,
        is_terminal: bool,
        /// How many rows are shown, if not all.
        shown: Option<usize>,
    },
    Once(OpenFile),
    File(&'p mut OpenFile),
}

impl Target<'_> {
    fn renderer(&mut self) -> &mut Renderer {
        match self {
            Self::Stdout { renderer, .. } => renderer,
            Self::Once(file) => file.destination.renderer(),
            Self::File(file) => file.destination.renderer(),
        }
    }

    /// Whether rows and a meter would write over each other.
    fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Stdout {
                is_terminal: true,
                ..
            }
        )
    }

    fn shown(&self) -> Option<usize> {
        match self {
            Self::Stdout { shown, .. } => *shown,
            Self::Once(_) | Self::File(_) => None,
        }
    }

    /// Ends the result; says where it is, if that is a file.
    fn finish(self) -> Result<Option<String>> {
        let place = |file: &OpenFile| format!("'{}' as {}", file.path.display(), file.format);
        match self {
            Self::Stdout { renderer, .. } => renderer.finish().map(|()| None),
            Self::File(file) => Ok(Some(place(file))),
            Self::Once(file) => {
                let place = place(&file);
                file.destination.finish()?;
                Ok(Some(place))
            }
        }
    }
}

/// Where a result's rows come from.
enum Rows<'r> {
    Running(&'r mut Running, &'r mut Interrupts),
    Kept(std::vec::IntoIter<RecordBatch>),
}

impl Rows<'_> {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::Kept(batches) => Ok(batches.next()),
            Self::Running(running, interrupts) => match running.next(interrupts).await? {
                Some(Event::Rows(batch)) => Ok(Some(batch)),
                Some(Event::Failed(error)) => Err(error),
                Some(Event::Columns(_) | Event::Done(_)) | None => Ok(None),
            },
        }
    }
}

/// What became of a result's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    shown: u64,
    seen: u64,
    /// Whether those seen are all there are.
    is_whole: bool,
}

impl Shell<'_> {
    /// Shows the rows of a running statement and keeps them.
    pub(super) async fn rows(
        &mut self,
        running: &mut Running,
        schema: SchemaRef,
        meter: Meter,
        started: Instant,
        is_expanded: bool,
    ) -> Result<()> {
        self.measure();
        let mut keeper = Keeper::new(SchemaRef::clone(&schema));
        let rows = Rows::Running(running, &mut self.interrupts);
        let mut target = self.presenter.target(is_expanded)?;
        let count = write(&mut target, &schema, rows, Some(meter), &mut keeper).await?;
        let place = target.finish()?;
        self.last = keeper.finish();
        self.presenter.say(count, place, Some(started.elapsed()));
        Ok(())
    }

    /// Shows the last result again.
    pub(super) async fn show_last(&mut self) -> Result<()> {
        self.measure();
        let (schema, batches) = self.last.get()?;
        let mut target = self.presenter.target(false)?;
        let mut keeper = Keeper::new(SchemaRef::clone(&schema));
        let rows = Rows::Kept(batches.into_iter());
        let count = write(&mut target, &schema, rows, None, &mut keeper).await?;
        let place = target.finish()?;
        self.presenter.say(count, place, None);
        Ok(())
    }
}

/// Writes a result.
async fn write(
    target: &mut Target<'_>,
    schema: &SchemaRef,
    rows: Rows<'_>,
    meter: Option<Meter>,
    keeper: &mut Keeper,
) -> Result<Count> {
    target.renderer().begin(schema)?;
    let written = match target.shown() {
        Some(limit) => write_first(target, limit, rows, meter, keeper).await,
        None => write_all(target, rows, meter, keeper).await,
    };
    if written.is_err() {
        target.renderer().abandon()?;
    }
    written
}

/// Writes every row.
async fn write_all(
    target: &mut Target<'_>,
    mut rows: Rows<'_>,
    mut meter: Option<Meter>,
    keeper: &mut Keeper,
) -> Result<Count> {
    while let Some(batch) = rows.next().await? {
        if target.is_terminal() {
            drop(meter.take());
        }
        keeper.add(&batch);
        target.renderer().batch(&batch)?;
    }
    drop(meter);
    let rows = target.renderer().end()?;
    Ok(Count {
        shown: rows,
        seen: rows,
        is_whole: true,
    })
}

/// Writes the first `limit` rows and counts the others, as long as they are few enough to be kept.
async fn write_first(
    target: &mut Target<'_>,
    limit: usize,
    mut rows: Rows<'_>,
    mut meter: Option<Meter>,
    keeper: &mut Keeper,
) -> Result<Count> {
    // A table waits for its widths anyway: until then the meter may go on.
    let mut pending = Vec::new();
    let (mut shown, mut seen) = (0, 0);
    while let Some(batch) = rows.next().await? {
        seen += batch.num_rows();
        keeper.add(&batch);
        let part = batch.slice(0, batch.num_rows().min(limit - shown));
        shown += part.num_rows();
        pending.push(part);
        if seen > limit {
            break;
        }
    }
    drop(meter.take());
    for batch in pending {
        target.renderer().batch(&batch)?;
    }
    target.renderer().end()?;
    let mut is_whole = true;
    while seen > limit && is_whole {
        match rows.next().await {
            Ok(Some(batch)) => {
                seen += batch.num_rows();
                keeper.add(&batch);
                is_whole = !keeper.is_full();
            }
            Ok(None) => break,
            // What is wanted is on the screen.
            Err(error) if error.code() == Code::Cancelled => is_whole = false,
            Err(error) => return Err(error),
        }
    }
    Ok(Count {
        shown: shown as u64,
        seen: seen as u64,
        is_whole,
    })
}

impl Presenter {
    /// The line under a result.
    fn say(&self, count: Count, place: Option<String>, took: Option<Duration>) {
        let is_cut = count.shown < count.seen || !count.is_whole;
        if self.quiet && !is_cut {
            return;
        }
        let mut line = rows_text(count);
        if let Some(took) = took.filter(|_| self.has_timing) {
            line.push_str(&format!(" in {}", Seconds(took)));
        }
        if let Some(place) = place {
            line.push_str(&format!(", written to {place}"));
        }
        if is_cut {
            line.push_str("; all of them: .mode csv, or .once FILE");
        }
        note(&line);
    }
}

fn rows_text(count: Count) -> String {
    let seen = HumanCount(count.seen);
    match count {
        Count { is_whole: false, .. } => {
            format!("the first {} of more than {seen} rows", HumanCount(count.shown))
        }
        Count { shown, .. } if shown < count.seen => {
            format!("the first {} of {seen} rows", HumanCount(shown))
        }
        Count { seen: 1, .. } => "1 row".to_owned(),
        _ => format!("{seen} rows"),
    }
}

/// A time as a person reads it.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match self.0.as_secs() {
            0 => write!(f, "{seconds:.3} s"),
            1..60 => write!(f, "{seconds:.1} s"),
            whole => write!(f, "{} min {:02} s", whole / 60, whole % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_under_a_result_says_what_is_missing() {
        let text = |shown, seen, is_whole| {
            rows_text(Count {
                shown,
                seen,
                is_whole,
            })
        };
        assert_eq!(text(0, 0, true), "0 rows");
        assert_eq!(text(1, 1, true), "1 row");
        assert_eq!(text(1234, 1234, true), "1,234 rows");
        assert_eq!(text(1000, 123456, true), "the first 1,000 of 123,456 rows");
        assert_eq!(
            text(1000, 200000, false),
            "the first 1,000 of more than 200,000 rows"
        );
    }

    #[test]
    fn times_are_short() {
        for (milliseconds, expected) in [(3, "0.003 s"), (2_340, "2.3 s"), (61_000, "1 min 01 s")] {
            assert_eq!(Seconds(Duration::from_millis(milliseconds)).to_string(), expected);
        }
    }

    #[test]
    fn a_files_ending_names_the_format_where_people_would_read() {
        for (file, mode, expected) in [
            ("a.csv", Format::Table, Format::Csv),
            ("a.JSON", Format::Expanded, Format::Json),
            ("a.md", Format::Table, Format::Markdown),
            ("a.txt", Format::Table, Format::Table),
            ("a", Format::Table, Format::Table),
            ("a.csv", Format::Tsv, Format::Tsv),
            ("a.parquet", Format::Table, Format::Parquet),
        ] {
            assert_eq!(format_of(Path::new(file), mode), expected);
        }
    }
}
