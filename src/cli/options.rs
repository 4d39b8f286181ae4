//! The command line as resolved: every default chosen, every value of its type.

use std::io::{IsTerminal, Read};
use std::net::ToSocketAddrs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::args::{Arguments, BatchArguments, Command, ServeArguments, UserCommand};
use super::surroundings;
use super::user::UserTask;
use crate::batch::{BatchOptions, Source};
use crate::connection::{ServerUrl, parameter_from_text};
use crate::definition::{duration_from_text, size_from_text};
use crate::demo::DemoOptions;
use crate::engine::{LakeOptions, Landing};
use crate::error::{Code, Error, Result};
use crate::flight::{ServeOptions, Tls};
use crate::render::{Destination, Format};
use crate::repl::{ReplOptions, has_commands};
use crate::syntax::Parameters;

/// What to do.
pub(super) enum Task {
    /// Make an empty lake.
    Init(PathBuf),
    /// Make the sample lake.
    Demo {
        folder: PathBuf,
        options: DemoOptions,
        /// The shell to open in it.
        shell: Option<Box<ReplOptions>>,
    },
    /// Land files in a table.
    Add {
        lake: PathBuf,
        files: Vec<PathBuf>,
        landing: Landing,
    },
    /// Serve the lake.
    Serve {
        lake: PathBuf,
        options: Box<ServeOptions>,
    },
    /// Add, change, remove or show users.
    User { lake: PathBuf, task: UserTask },
    /// Run texts.
    Batch { place: Place, batch: Box<Batch> },
    /// Open the shell.
    Shell { place: Place, options: Box<ReplOptions> },
}

/// What is spoken to.
pub(super) enum Place {
    /// A lake of this machine.
    Lake(PathBuf),
    /// A server, and the password for it.
    Server {
        url: ServerUrl,
        password: Option<String>,
    },
}

/// Texts to run.
pub(super) struct Batch {
    pub sources: Vec<Source>,
    pub parameters: Parameters,
    pub format: Format,
    pub destination: Destination,
    pub options: BatchOptions,
    /// How the shell runs them, if they have commands of its own.
    pub shell: Option<Box<ReplOptions>>,
}

/// The command line as resolved.
pub(super) struct Options {
    pub lake: LakeOptions,
    pub task: Task,
}

impl Options {
    /// Chooses defaults, checks values, and reads the texts to run.
    ///
    /// # Errors
    /// What is wrong with the command line.
    pub(super) fn resolve(arguments: Arguments) -> Result<Self> {
        let lake_options = lake_options(&arguments.batch)?;
        let lake = arguments.lake.or_else(lake_of_environment);
        let task = match arguments.command {
            Some(Command::Init { dir }) => Task::Init(dir.or(lake).unwrap_or_else(|| PathBuf::from("."))),
            Some(Command::Add {
                files,
                to,
                partition,
                tag,
            }) => Task::Add {
                lake: find_lake(lake)?,
                files,
                landing: Landing {
                    table: to,
                    partition: pairs("--partition", &partition)?,
                    tags: pairs("--tag", &tag)?.into_iter().collect(),
                },
            },
            Some(Command::Demo { rows, seed, no_repl }) => {
                let folder = lake.unwrap_or_else(|| PathBuf::from("weir-demo"));
                let has_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
                let shell = match has_terminal && !no_repl {
                    true => Some(Box::new(shell(&folder, &arguments.batch)?)),
                    false => None,
                };
                Task::Demo {
                    folder,
                    options: DemoOptions { rows, seed },
                    shell,
                }
            }
            Some(Command::Serve(arguments)) => Task::Serve {
                lake: find_lake(lake)?,
                options: Box::new(serve(arguments)?),
            },
            Some(Command::User { command }) => Task::User {
                lake: find_lake(lake)?,
                task: user(command),
            },
            None => {
                let place = match arguments.connect {
                    Some(url) => server(&url)?,
                    None => Place::Lake(find_lake(lake)?),
                };
                if nothing_to_run(&arguments.batch) {
                    let options = Box::new(shell_at(&place, &arguments.batch)?);
                    Task::Shell { place, options }
                } else {
                    let batch = Box::new(batch(&place, arguments.batch)?);
                    Task::Batch { place, batch }
                }
            }
        };
        Ok(Self {
            lake: lake_options,
            task,
        })
    }
}

fn serve(arguments: ServeArguments) -> Result<ServeOptions> {
    let address = |flag: &str, text: &str| {
        let mut found = text.to_socket_addrs().ok().into_iter().flatten();
        found.next().ok_or_else(|| {
            wrong(&format!("{flag}: '{text}' is no address"))
                .with_hint("write HOST:PORT; port 0 is any that is free")
        })
    };
    let tls = match (arguments.tls_cert, arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls {
            certificate,
            key,
            client_ca: arguments.tls_client_ca,
        }),
        _ => None,
    };
    Ok(ServeOptions {
        bind: address("--bind", &arguments.bind)?,
        metrics: arguments
            .metrics
            .map(|text| address("--metrics", &text))
            .transpose()?,
        tls,
        insecure: arguments.insecure,
        may_name_files: arguments.allow_files,
        ..ServeOptions::default()
    })
}

fn user(command: UserCommand) -> UserTask {
    match command {
        UserCommand::Add {
            name,
            role,
            password_stdin,
        } => UserTask::Add {
            name,
            roles: role,
            password_stdin,
        },
        UserCommand::Passwd { name, password_stdin } => UserTask::Password { name, password_stdin },
        UserCommand::Remove { name } => UserTask::Remove(name),
        UserCommand::List => UserTask::List,
    }
}

/// `key=value`, several times.
fn pairs(flag: &str, texts: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(wrong(&format!("{flag} is a key, '=' and a value: not '{text}'"))),
    };
    texts.iter().map(pair).collect()
}

fn lake_options(arguments: &BatchArguments) -> Result<LakeOptions> {
    let flag = |name: &'static str| {
        move |error: Error| {
            let message = format!("--{name}: {}", error.message());
            Error::new(error.code(), message).with_hint_if(error.hint().map(str::to_owned))
        }
    };
    let threads = arguments
        .threads
        .map(|threads| NonZeroUsize::new(threads).ok_or_else(|| wrong("--threads is at least 1")));
    let memory = arguments.memory.as_deref().map(size_from_text);
    let timeout = arguments.timeout.as_deref().map(duration_from_text);
    Ok(LakeOptions {
        threads: threads.transpose()?,
        memory: memory.transpose().map_err(flag("memory"))?,
        statement_timeout: timeout.transpose().map_err(flag("timeout"))?,
        ..LakeOptions::default()
    })
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

/// The server at `url`; who is named there gives a password.
fn server(url: &str) -> Result<Place> {
    let url: ServerUrl = url.parse()?;
    let password = match &url.user {
        None => None,
        Some(user) => Some(match surroundings::password() {
            Some(password) => password,
            None if std::io::stdin().is_terminal() => {
                let asked = rpassword::prompt_password(format!("Password of '{user}': "));
                asked.map_err(|e| Error::io("the terminal", "read", e))?
            }
            None => {
                let missing = wrong(&format!("there is no password for user '{user}'"));
                return Err(missing.with_hint("set WEIR_PASSWORD"));
            }
        }),
    };
    Ok(Place::Server { url, password })
}

fn batch(place: &Place, arguments: BatchArguments) -> Result<Batch> {
    let format = format(&arguments)?;
    let destination = destination(&arguments);
    if format.is_binary() && destination == Destination::Stdout && std::io::stdout().is_terminal() {
        return Err(
            wrong(&format!("{format} is not for a terminal")).with_hint("give --output FILE, or a pipe")
        );
    }
    let sources = sources(&arguments)?;
    let has_commands = sources.iter().any(|source| has_commands(&source.text));
    let shell = has_commands.then(|| shell_at(place, &arguments)).transpose()?;
    Ok(Batch {
        shell: shell.map(|options| {
            Box::new(ReplOptions {
                history: None,
                pager: None,
                start: None,
                ..options
            })
        }),
        sources,
        parameters: parameters(&arguments)?,
        format,
        destination,
        options: BatchOptions {
            continue_on_error: arguments.continue_on_error,
            quiet: arguments.quiet,
            echo: arguments.echo,
        },
    })
}

fn shell_at(place: &Place, arguments: &BatchArguments) -> Result<ReplOptions> {
    match place {
        Place::Lake(lake) => shell(lake, arguments),
        Place::Server { url, .. } => named_shell(url.to_string(), None, arguments),
    }
}

fn shell(lake: &Path, arguments: &BatchArguments) -> Result<ReplOptions> {
    let full = std::path::absolute(lake).map_err(|e| Error::io(lake, "find", e))?;
    let name = full
        .components()
        .next_back()
        .map(|part| part.as_os_str().to_string_lossy());
    let name = name.unwrap_or_default().into_owned();
    named_shell(name, Some(full.clone()), arguments)
}

fn named_shell(name: String, lake: Option<PathBuf>, arguments: &BatchArguments) -> Result<ReplOptions> {
    Ok(ReplOptions {
        name,
        lake,
        format: format(arguments)?,
        destination: destination(arguments),
        parameters: parameters(arguments)?,
        history: surroundings::history(),
        theme: surroundings::theme(),
        keys: surroundings::keys(),
        rewraps: surroundings::rewraps(),
        pager: surroundings::pager(),
        editor: surroundings::editor(),
        clipboard: surroundings::clipboard(),
        start: surroundings::start(),
        quiet: arguments.quiet,
        continue_on_error: arguments.continue_on_error,
        echo: arguments.echo,
    })
}

fn format(arguments: &BatchArguments) -> Result<Format> {
    match (&arguments.format, &arguments.output) {
        (Some(format), _) => format.parse(),
        (None, Some(output)) => Ok(Format::of_file(output).unwrap_or(Format::Csv)),
        (None, None) if std::io::stdout().is_terminal() => Ok(Format::Table),
        (None, None) => Ok(Format::Csv),
    }
}

fn destination(arguments: &BatchArguments) -> Destination {
    match &arguments.output {
        Some(path) => Destination::File(path.clone()),
        None => Destination::Stdout,
    }
}

fn parameters(arguments: &BatchArguments) -> Result<Parameters> {
    let mut parameters = Parameters::default();
    for text in &arguments.param {
        let (name, value) = parameter_from_text(text)?;
        parameters = parameters.with(name, value);
    }
    Ok(parameters)
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

fn wrong(message: &str) -> Error {
    Error::new(Code::InvalidValue, message)
}
