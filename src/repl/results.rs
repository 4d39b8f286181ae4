//! Where results go, and what is said under them.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tokio::task::block_in_place;

use super::footer::{Cost, Count, Seconds};
use super::interrupts::Interrupts;
use super::last::Keeper;
use super::note;
use super::pager::Pager;
use super::screen::Screen;
use super::shell::{Run, Shell};
use super::statements::{Event, Running};
use crate::error::{Code, Error, Result};
use crate::render::{Destination, Format, Meter, OpenDestination, RenderOptions, Renderer};

/// What is known about how results are shown.
pub(super) struct Presenter {
    pub(super) mode: Format,
    pub(super) has_timing: bool,
    /// How wide and high the terminal is that results go to.
    pub(super) screen: Option<(usize, usize)>,
    /// Where more than the screen holds is read.
    pub(super) pager: Option<Pager>,
    /// Whether the pager may do nothing but show.
    pub(super) is_safe: bool,
    /// Whether nobody looks on: every row is written as it is, and little is said.
    pub(super) is_script: bool,
    /// The file of the next result.
    pub(super) once: Option<PathBuf>,
    /// The file of all results.
    output: Option<OpenFile>,
    quiet: bool,
    is_terminal: bool,
    /// Whether stdout has a result already, from which the next is set off.
    has_result: bool,
}

/// What a file ends in that people read.
const TEXT: &str = "txt";
/// What files end in that are not written: a text in one of them would be taken for what it is not.
const FOREIGN: &[&str] = &[
    "avro", "bz2", "db", "duckdb", "gz", "lz4", "ods", "orc", "pdf", "sqlite", "xls", "xlsx", "xz", "zip",
    "zst",
];

/// A file that results are written to.
struct OpenFile {
    path: PathBuf,
    format: Format,
    destination: OpenDestination,
}

impl OpenFile {
    fn open(path: &Path, format: Format) -> Result<Self> {
        let destination = Destination::File(path.to_owned());
        Ok(Self {
            path: path.to_owned(),
            format,
            destination: OpenDestination::open(&destination, format, RenderOptions::default())?,
        })
    }
}

/// The format that the file's ending names, else the mode.
///
/// # Errors
/// [`Code::InvalidValue`] for an ending that promises what is not written, and for no file at all.
fn format_of(path: &Path, mode: Format) -> Result<Format> {
    let refused = |what: String, hint: &str| Error::new(Code::InvalidValue, what).with_hint(hint);
    if path.to_string_lossy().starts_with('|') {
        return Err(refused(
            format!("'{}' is no file", path.display()),
            "results go to files; a batch goes to programs: weir -c 'SELECT …' | …",
        ));
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ending = ending.unwrap_or_default().to_lowercase();
    if FOREIGN.contains(&ending.as_str()) {
        return Err(refused(
            format!("results are not written as .{ending}"),
            "csv, tsv, json, ndjson, md, html, sql, parquet, arrow and txt are",
        ));
    }
    Ok(Format::of_file(path).unwrap_or(mode))
}

impl Presenter {
    pub(super) fn new(
        mode: Format,
        destination: &Destination,
        pager: Option<Pager>,
        quiet: bool,
    ) -> Result<Self> {
        let output = match destination {
            Destination::Stdout => None,
            Destination::File(path) => {
                let is_for_people = mode.extension() == TEXT;
                let named = is_for_people.then(|| format_of(path, mode)).transpose()?;
                Some(OpenFile::open(path, named.unwrap_or(mode))?)
            }
        };
        Ok(Self {
            mode,
            has_timing: true,
            screen: None,
            pager,
            is_safe: false,
            is_script: false,
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
        let format = path.map(|path| format_of(path, self.mode)).transpose()?;
        self.close()?;
        if let (Some(path), Some(format)) = (path, format) {
            let file = OpenFile::open(path, format)?;
            self.tell(&format!(
                "results go to '{}' as {}; it appears at the next .output",
                path.display(),
                file.format
            ));
            self.output = Some(file);
        }
        Ok(())
    }

    /// Sends the next result to `path`, which is looked at now: afterwards would be too late.
    ///
    /// # Errors
    /// What the operating system says; [`Code::InvalidValue`] for a file of another kind.
    pub(super) fn write_next(&mut self, path: &Path) -> Result<()> {
        // What is not finished leaves nothing behind.
        let is_device = path.exists() && !path.is_file() && !path.is_dir();
        if !is_device {
            OpenFile::open(path, format_of(path, self.mode)?)?;
        }
        self.once = Some(path.to_owned());
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
        if !self.quiet && !self.is_script {
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
    fn target(&mut self, run: &Run<'_>) -> Result<Target<'_>> {
        let is_no_text = self.mode == Format::Chart || self.mode.is_binary();
        let mode = match run.is_expanded {
            true => Format::Expanded,
            false if run.is_aside && is_no_text => Format::Table,
            false => self.mode,
        };
        if let Some(path) = self.once.take() {
            return Ok(Target::Once(OpenFile::open(&path, format_of(&path, mode)?)?));
        }
        if run.is_expanded {
            self.no_file_is_open("\\G has no place there")?;
        }
        let has_screen = self.is_terminal && !self.is_script;
        let screen = has_screen.then(|| self.on_screen(mode, run.may_page));
        if let Some(file) = &mut self.output {
            return Ok(Target::File(file));
        }
        if self.is_terminal && mode.is_binary() {
            let message = format!("{mode} is not for a terminal");
            return Err(Error::new(Code::InvalidValue, message).with_hint(".once FILE writes it to a file"));
        }
        if let Some(screen) = screen {
            return Ok(Target::Screen(screen));
        }
        if self.has_result && !mode.is_binary() {
            let separated = std::io::stdout().write_all(b"\n");
            separated.map_err(|e| Error::new(Code::Io, format!("cannot write: {e}")).with_source(e))?;
        }
        self.has_result = true;
        let renderer = Renderer::new(mode, Box::new(std::io::stdout()), RenderOptions::default());
        Ok(Target::Pipe(renderer))
    }
}

impl Presenter {
    fn on_screen(&self, mode: Format, may_page: bool) -> Screen {
        Screen {
            mode,
            size: self.screen,
            pager: self.pager.clone().filter(|_| may_page),
            is_safe: self.is_safe,
            quiet: self.quiet,
        }
    }
}

/// Where one result goes.
enum Target<'p> {
    Screen(Screen),
    Pipe(Renderer),
    Once(OpenFile),
    File(&'p mut OpenFile),
}

impl Target<'_> {
    /// Writes a result; says where it is, if that is a file.
    async fn write(
        self,
        schema: &SchemaRef,
        rows: Rows<'_>,
        meter: Option<Meter>,
        keeper: &mut Keeper,
    ) -> Result<(Count, Option<String>)> {
        let place = |file: &OpenFile| Some(format!("'{}' as {}", file.path.display(), file.format));
        match self {
            Self::Screen(screen) => Ok((screen.write(schema, rows, meter, keeper).await?, None)),
            Self::Pipe(mut renderer) => {
                let count = write_all(&mut renderer, schema, rows, meter, keeper).await?;
                renderer.finish()?;
                Ok((count, None))
            }
            Self::File(file) => {
                let renderer = file.destination.renderer();
                let count = write_all(renderer, schema, rows, meter, keeper).await?;
                Ok((count, place(file)))
            }
            Self::Once(mut file) => {
                let renderer = file.destination.renderer();
                let count = write_all(renderer, schema, rows, meter, keeper).await?;
                let place = place(&file);
                file.destination.finish()?;
                Ok((count, place))
            }
        }
    }
}

/// Where a result's rows come from.
pub(super) enum Rows<'r> {
    Running(&'r mut Running, &'r mut Interrupts),
    Kept(std::vec::IntoIter<RecordBatch>),
}

impl Rows<'_> {
    /// Ctrl-C in a pager that had everything was meant for the pager.
    pub(super) fn forget_interrupts(&mut self) {
        if let Self::Running(_, interrupts) = self {
            interrupts.clear();
        }
    }

    /// The next of them.
    ///
    /// # Errors
    /// The statement's own; [`Code::Cancelled`] at Ctrl-C.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
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

impl Shell<'_> {
    /// Shows the rows of a running statement and keeps them.
    pub(super) async fn rows(
        &mut self,
        running: &mut Running,
        schema: SchemaRef,
        meter: Meter,
        run: &Run<'_>,
    ) -> Result<()> {
        self.measure();
        let mut keeper = Keeper::new(SchemaRef::clone(&schema));
        let rows = Rows::Running(running, &mut self.interrupts);
        let target = self.presenter.target(run)?;
        let written = target.write(&schema, rows, Some(meter), &mut keeper).await;
        if written.is_ok() || keeper.is_whole {
            // Rows that could not be shown in this mode can be in another.
            self.last = keeper.finish();
        }
        let (count, place) = written?;
        let took = run.started.elapsed().saturating_sub(count.waited);
        self.presenter.say(count, place, Some((took, running.cost())));
        Ok(())
    }

    /// Shows a text of the shell's own, in the pager if it is longer than the screen.
    ///
    /// # Errors
    /// That stdout or the pager cannot be used.
    pub(super) fn show_text(&mut self, text: &str) -> Result<()> {
        self.measure();
        let may_page = self.may_page && self.depth == 0 && self.presenter.is_terminal;
        let screen = self.presenter.on_screen(Format::Table, may_page);
        block_in_place(|| screen.show(format!("{text}\n").as_bytes()))
    }

    /// Shows the last result again.
    pub(super) async fn show_last(&mut self) -> Result<()> {
        self.measure();
        let (schema, batches) = self.last.get()?;
        let target = self.presenter.target(&Run::default())?;
        let mut keeper = Keeper::new(SchemaRef::clone(&schema));
        let rows = Rows::Kept(batches.into_iter());
        let (count, place) = target.write(&schema, rows, None, &mut keeper).await?;
        self.presenter.say(count, place, None);
        Ok(())
    }
}

/// Writes every row.
async fn write_all(
    renderer: &mut Renderer,
    schema: &SchemaRef,
    mut rows: Rows<'_>,
    meter: Option<Meter>,
    keeper: &mut Keeper,
) -> Result<Count> {
    renderer.begin(schema)?;
    loop {
        let batch = match rows.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                keeper.is_whole = true;
                break;
            }
            Err(error) => {
                renderer.abandon()?;
                return Err(error);
            }
        };
        keeper.add(&batch);
        renderer.batch(&batch)?;
    }
    drop(meter);
    let rows = renderer.end()?;
    Ok(Count::all(rows))
}

impl Presenter {
    /// The line under a result.
    fn say(&self, count: Count, place: Option<String>, took: Option<(Duration, Option<Cost>)>) {
        let is_unwanted = self.quiet || self.is_script && !self.has_timing;
        if is_unwanted && !count.is_cut() {
            return;
        }
        let mut line = count.to_string();
        if let Some((took, cost)) = took.filter(|_| self.has_timing) {
            line.push_str(&format!(" in {}", Seconds(took)));
            let cost = cost.map(|cost| cost.to_string()).unwrap_or_default();
            if !cost.is_empty() {
                line.push_str(&format!("; {cost}"));
            }
        }
        if let Some(place) = place {
            line.push_str(&format!(", written to {place}"));
        }
        if count.is_cut() {
            line.push_str("; all of them: .once FILE");
        }
        note(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_ending_names_the_format_where_people_would_read() {
        for (file, mode, expected) in [
            ("a.csv", Format::Table, Format::Csv),
            ("a.JSON", Format::Expanded, Format::Json),
            ("a.md", Format::Table, Format::Markdown),
            ("a.txt", Format::Table, Format::Table),
            ("a", Format::Table, Format::Table),
            ("a.json", Format::Csv, Format::Json),
            ("a.jsonl", Format::Table, Format::Ndjson),
            ("a.txt", Format::Csv, Format::Csv),
            ("a.parquet", Format::Table, Format::Parquet),
        ] {
            assert_eq!(format_of(Path::new(file), mode).unwrap(), expected);
        }
        for file in ["a.csv.gz", "a.xlsx", "| wc -l"] {
            let refused = format_of(Path::new(file), Format::Csv).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidValue, "{file}");
        }
    }
}
