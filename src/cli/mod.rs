//! The program: its command line, and which front end it starts.

mod args;
mod demo;
mod options;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::batch;
use crate::connection::LocalConnection;
use crate::engine::{Lake, LakeOptions};
use crate::error::{Code, Error, Result};
use crate::render::{OpenDestination, RenderOptions, is_broken_pipe};
use crate::repl::{self, ReplOptions};
use args::Arguments;
use options::{Batch, Options, Task};

/// The exit code for a wrong command line.
const USAGE: u8 = 2;

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
            batch::report(&error);
            return ExitCode::from(USAGE);
        }
    };
    match start(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code.kind().exit_code()),
    }
}

fn start(options: Options) -> Result<(), Code> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = options.threads {
        runtime.worker_threads(threads.get());
    }
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|e| said(Error::io("threads", "start", e)))?;
    let lake_options = LakeOptions {
        threads: options.threads,
    };
    let result = runtime.block_on(run(options.task, lake_options));
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
        Task::Demo {
            folder,
            options,
            shell,
        } => {
            unless_interrupted(demo::run(&folder, options, lake_options)).await?;
            match shell {
                Some(options) => open_shell(&folder, *options, lake_options).await,
                None => Ok(()),
            }
        }
        Task::Shell { lake, options } => open_shell(&lake, *options, lake_options).await,
        Task::Batch(batch) => unless_interrupted(run_batch(*batch, lake_options)).await,
    }
}

async fn open_shell(lake: &Path, options: ReplOptions, lake_options: LakeOptions) -> Result<(), Code> {
    let lake = Lake::open(lake, lake_options).await.map_err(said)?;
    let connection = LocalConnection::new(lake.session());
    repl::run(&connection, options).await.map_err(said)
}

async fn run_batch(batch: Batch, lake_options: LakeOptions) -> Result<(), Code> {
    let lake = Lake::open(&batch.lake, lake_options).await.map_err(said)?;
    let connection = LocalConnection::new(lake.session());
    let output = OpenDestination::open(&batch.destination, batch.format, RenderOptions::default());
    let mut output = output.map_err(said)?;
    let result = batch::run(
        &connection,
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
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(said(Error::new(Code::Cancelled, "cancelled"))),
    }
}

/// Shows an error and keeps its code.
fn said(error: Error) -> Code {
    batch::report(&error);
    error.code()
}
