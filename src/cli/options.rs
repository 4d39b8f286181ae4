//! The command line as resolved: every default chosen, every value of its type.

use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use datafusion::common::ScalarValue;

use super::args::{Arguments, BatchArguments, Command};
use crate::batch::{BatchOptions, Destination, Source};
use crate::definition::type_from_text;
use crate::demo::DemoOptions;
use crate::error::{Code, Error, Result};
use crate::render::Format;
use crate::syntax::Parameters;

/// What to do.
pub(super) enum Task {
    /// Make an empty lake.
    Init(PathBuf),
    /// Make the sample lake.
    Demo { folder: PathBuf, options: DemoOptions },
    /// Run texts.
    Batch(Box<Batch>),
}

/// Texts to run.
pub(super) struct Batch {
    pub lake: PathBuf,
    pub sources: Vec<Source>,
    pub parameters: Parameters,
    pub format: Format,
    pub destination: Destination,
    pub options: BatchOptions,
}

/// The command line as resolved.
pub(super) struct Options {
    pub threads: Option<NonZeroUsize>,
    pub task: Task,
}

impl Options {
    /// Chooses defaults, checks values, and reads the texts to run.
    ///
    /// # Errors
    /// What is wrong with the command line.
    pub(super) fn resolve(arguments: Arguments) -> Result<Self> {
        let threads = match arguments.batch.threads {
            None => None,
            Some(threads) => {
                Some(NonZeroUsize::new(threads).ok_or_else(|| wrong("--threads is at least 1"))?)
            }
        };
        let lake = arguments.lake.or_else(lake_of_environment);
        let task = match arguments.command {
            Some(Command::Init { dir }) => Task::Init(dir.or(lake).unwrap_or_else(|| PathBuf::from("."))),
            Some(Command::Demo { rows, seed }) => Task::Demo {
                folder: lake.unwrap_or_else(|| PathBuf::from("weir-demo")),
                options: DemoOptions { rows, seed },
            },
            None => {
                if nothing_to_run(&arguments.batch) {
                    return Err(wrong("nothing to run")
                        .with_hint("give -c SQL or -f FILE, or pipe statements in; --help says more"));
                }
                let lake = find_lake(lake)?;
                Task::Batch(Box::new(batch(lake, arguments.batch)?))
            }
        };
        Ok(Self { threads, task })
    }
}

fn nothing_to_run(arguments: &BatchArguments) -> bool {
    arguments.command_text.is_empty() && arguments.file.is_empty() && std::io::stdin().is_terminal()
}

/// A variable that is empty is not set.
fn lake_of_environment() -> Option<PathBuf> {
    let named = std::env::var_os("WEIR_LAKE").filter(|named| !named.is_empty());
    named.map(PathBuf::from)
}

/// The lake named, else the one that the working directory lies in.
fn find_lake(named: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named);
    }
    let here = std::env::current_dir().map_err(|e| Error::io(".", "find", e))?;
    let lake = here
        .ancestors()
        .find(|folder| folder.join("catalog").join("lake.toml").is_file());
    lake.map(Path::to_owned).ok_or_else(|| {
        Error::new(
            Code::NoLake,
            format!(
                "no lake here: '{}' and the folders above have no catalog/lake.toml",
                here.display()
            ),
        )
        .with_hint("name one with --lake or WEIR_LAKE; 'weir init' makes one, 'weir demo' makes a sample")
    })
}

fn batch(lake: PathBuf, arguments: BatchArguments) -> Result<Batch> {
    let format = match (&arguments.format, &arguments.output) {
        (Some(format), _) => format.parse()?,
        (None, Some(output)) => Format::of_file(output).unwrap_or(Format::Csv),
        (None, None) if std::io::stdout().is_terminal() => Format::Table,
        (None, None) => Format::Csv,
    };
    let destination = match &arguments.output {
        Some(path) => Destination::File(path.clone()),
        None => Destination::Stdout,
    };
    if format.is_binary() && destination == Destination::Stdout && std::io::stdout().is_terminal() {
        return Err(
            wrong(&format!("{format} is not for a terminal")).with_hint("give --output FILE, or a pipe")
        );
    }
    let mut parameters = Parameters::default();
    for text in &arguments.param {
        let (name, value) = parameter(text)?;
        parameters = parameters.with(name, value);
    }
    Ok(Batch {
        lake,
        sources: sources(&arguments)?,
        parameters,
        format,
        destination,
        options: BatchOptions {
            continue_on_error: arguments.continue_on_error,
            quiet: arguments.quiet,
            echo: arguments.echo,
        },
    })
}

fn sources(arguments: &BatchArguments) -> Result<Vec<Source>> {
    let command = |text: &String| Source {
        name: PathBuf::from("-c"),
        text: text.clone(),
    };
    let mut sources: Vec<Source> = arguments.command_text.iter().map(command).collect();
    for file in &arguments.file {
        sources.push(read(file)?);
    }
    if sources.is_empty() {
        sources.push(read(Path::new("-"))?);
    }
    Ok(sources)
}

fn read(file: &Path) -> Result<Source> {
    let mut bytes = Vec::new();
    let name = if file == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io("stdin", "read", e))?;
        PathBuf::from("stdin")
    } else {
        bytes = std::fs::read(file).map_err(|e| Error::io(file, "read", e))?;
        file.to_owned()
    };
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes()[..e.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        wrong(&format!("'{}' is not UTF-8 text: line {line}", name.display()))
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Source { name, text })
}

/// `name[:TYPE]=value`.
fn parameter(text: &str) -> Result<(String, ScalarValue)> {
    let malformed = || {
        wrong(&format!("'{text}' is not a parameter"))
            .with_hint("write --param name=value or --param name:TYPE=value")
    };
    let (head, value) = text.split_once('=').ok_or_else(malformed)?;
    let (name, type_text) = match head.split_once(':') {
        Some((name, type_text)) => (name, Some(type_text)),
        None => (head, None),
    };
    let is_word = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if name.is_empty() || !is_word(name) {
        return Err(malformed());
    }
    let data_type = type_from_text(type_text.unwrap_or("VARCHAR"))
        .map_err(|e| wrong(&format!("parameter '{name}': {}", e.message())))?;
    let type_text = type_text.unwrap_or("VARCHAR");
    if data_type.is_nested() {
        let message = format!("parameter '{name}': values of type {type_text} cannot be given");
        return Err(wrong(&message).with_hint("give their parts, and build them in SQL: [$a, $b]"));
    }
    let value = ScalarValue::try_from_string(value.to_owned(), &data_type).map_err(|_| {
        wrong(&format!(
            "parameter '{name}': '{value}' is not of type {type_text}"
        ))
    })?;
    Ok((name.to_owned(), value))
}

fn wrong(message: &str) -> Error {
    Error::new(Code::InvalidValue, message)
}
