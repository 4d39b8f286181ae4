//! The program: its command line, and which front end it starts.

mod add;
mod args;
mod demo;
mod options;
mod serve;
mod surroundings;
mod user;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::batch;
use crate::connection::{Connection, LocalConnection, RemoteConnection};
use crate::engine::{Lake, LakeOptions};
use crate::error::{Code, Error, Result};
use crate::render::{OpenDestination, RenderOptions, is_broken_pipe};
use crate::repl::{self, ReplOptions};
use args::Arguments;
use options::{Batch, Options, Place, Task};

/// The exit code for a wrong command line.
const USAGE: u8 = 2;

/// A thousand ORs are a thousand levels of an expression. The memory is taken only when it is needed.
const STACK_BYTES: usize = 256 << 20;

/// Runs the program with this process's arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(USAGE);
            // Help that nobody reads to its end is no error.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let options = match Options::resolve(arguments) {
        Ok(options) => options,
        Err(error) => {
            return match said(error) {
                Code::InvalidValue => ExitCode::from(USAGE),
                code => ExitCode::from(code.kind().exit_code()),
            };
        }
    };
    match with_deep_stack(|| start(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code.kind().exit_code()),
    }
}

/// Runs `work` on a thread with [`STACK_BYTES`].
fn with_deep_stack(work: impl FnOnce() -> Result<(), Code> + Send + 'static) -> Result<(), Code> {
    let thread = std::thread::Builder::new()
        .name("weir".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(|e| said(Error::io("threads", "start", e)))?;
    // A panic has been reported by then.
    thread.join().unwrap_or(Err(Code::Internal))
}

fn start(options: Options) -> Result<(), Code> {
    // The lake has threads of its own to compute. Of these one plans while the other hears Ctrl-C.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|e| said(Error::io("threads", "start", e)))?;
    let result = runtime.block_on(run(options.task, options.lake));
    // What was cancelled may still compute: nobody waits for it.
    runtime.shutdown_background();
    result
}

async fn run(task: Task, lake_options: LakeOptions) -> Result<(), Code> {
    match task {
        Task::Init(folder) => {
            Lake::init(&folder).map_err(said)?;
            batch::note(&format!("made an empty lake in '{}'", folder.display()));
            Ok(())
        }
        Task::Add { lake, files, landing } => {
            unless_interrupted(add::run(&lake, &files, &landing, lake_options)).await
        }
        Task::Demo {
            folder,
            options,
            shell,
        } => {
            unless_interrupted(demo::run(&folder, options, lake_options)).await?;
            match shell {
                Some(options) => open_shell(Place::Lake(folder), *options, lake_options).await,
                None => Ok(()),
            }
        }
        Task::Shell { place, options } => open_shell(place, *options, lake_options).await,
        Task::Serve { lake, options } => serve::run(&lake, *options, lake_options).await,
        Task::User { lake, task } => user::run(&lake, &task),
        Task::Batch { place, batch } => run_batch(place, *batch, lake_options).await,
    }
}

/// A session there.
async fn connect(place: Place, lake_options: LakeOptions) -> Result<Box<dyn Connection>> {
    Ok(match place {
        Place::Lake(lake) => {
            let lake = Lake::open(&lake, lake_options).await?;
            Box::new(LocalConnection::new(lake.session()))
        }
        Place::Server { url, password } => {
            Box::new(RemoteConnection::connect(&url, password.as_deref()).await?)
        }
    })
}

async fn open_shell(place: Place, options: ReplOptions, lake_options: LakeOptions) -> Result<(), Code> {
    let connection = connect(place, lake_options).await.map_err(said)?;
    let result = repl::run(connection.as_ref(), options).await.map_err(said);
    connection.close().await;
    result
}

async fn run_batch(place: Place, batch: Batch, lake_options: LakeOptions) -> Result<(), Code> {
    let connected = async { connect(place, lake_options).await.map_err(said) };
    let connection = unless_interrupted(connected).await?;
    let result = unless_interrupted(run_texts(connection.as_ref(), batch)).await;
    connection.close().await;
    result
}

async fn run_texts(connection: &dyn Connection, batch: Batch) -> Result<(), Code> {
    if let Some(options) = batch.shell {
        let scripts = batch.sources.iter();
        let scripts = scripts.map(|source| (source.name.as_path(), source.text.as_str()));
        return repl::run_scripts(connection, scripts, *options).await;
    }
    let output = OpenDestination::open(&batch.destination, batch.format, RenderOptions::default());
    let mut output = output.map_err(said)?;
    let result = batch::run(
        connection,
        &batch.sources,
        &batch.parameters,
        batch.options,
        &mut output,
    )
    .await;
    if result.is_err() && !batch.options.continue_on_error {
        // A file that was to be replaced stays as it was.
        return result;
    }
    match output.finish() {
        Err(error) if !is_broken_pipe(&error) => result.and(Err(said(error))),
        _ => result,
    }
}

/// Stops at Ctrl-C: what runs is dropped, which cancels it.
async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Code>>) -> Result<T, Code> {
    // From here on an interrupt does not end the process, however long the work's first step takes.
    let mut interrupts =
        signal(SignalKind::interrupt()).map_err(|e| said(Error::io("signals", "listen for", e)))?;
    tokio::select! {
        biased;
        _ = interrupts.recv() => Err(said(Error::new(Code::Cancelled, "cancelled"))),
        result = work => result,
    }
}

/// Shows an error and keeps its code.
fn said(error: Error) -> Code {
    batch::report(&error);
    error.code()
}
