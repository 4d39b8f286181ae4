//! The command line as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A SQL query engine over a local data lake. Without SQL or a file to run, and on a terminal, it opens a
/// shell.
#[derive(Debug, Parser)]
#[command(
    name = "weir",
    version,
    args_conflicts_with_subcommands = false,
    subcommand_negates_reqs = true
)]
pub(super) struct Arguments {
    /// The lake's folder [default: WEIR_LAKE's value, else upward from here to a folder with
    /// catalog/lake.toml]
    #[arg(long, value_name = "DIR", global = true)]
    pub lake: Option<PathBuf>,

    /// Speak to a server over Flight SQL instead: grpc[+tls]://[user@]host:port; the password is asked for, or
    /// WEIR_PASSWORD's value
    #[arg(long, value_name = "URL", conflicts_with_all = ["lake", "threads", "memory", "timeout"])]
    pub connect: Option<String>,

    #[command(flatten)]
    pub batch: BatchArguments,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is run, and how.
#[derive(Debug, Args)]
pub(super) struct BatchArguments {
    /// Run this SQL; may be given several times
    #[arg(
        short,
        long = "command",
        value_name = "SQL",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    pub command_text: Vec<String>,

    /// Run these files, one after the other; - is stdin
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub file: Vec<PathBuf>,

    /// table, expanded, csv, tsv, json, ndjson, markdown, html, insert, chart, parquet or arrow [default: what the
    /// output file's name says; table on a terminal; else csv]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,

    /// Write results to this file, which appears when all is done [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The value of $name in SQL; text, unless a type is given
    #[arg(long, value_name = "NAME[:TYPE]=VALUE")]
    pub param: Vec<String>,

    /// Run the statements after one that failed too
    #[arg(long)]
    pub continue_on_error: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,

    /// Show each statement on stderr before it is run
    #[arg(long)]
    pub echo: bool,

    /// How many threads to use [default: one a core]
    #[arg(long, value_name = "N", global = true)]
    pub threads: Option<usize>,

    /// What caches and statements together may hold, such as 512MB [default: lake.toml's limit, else a share
    /// of the machine]
    #[arg(long, value_name = "SIZE", global = true)]
    pub memory: Option<String>,

    /// How long a statement may take, such as 30s [default: lake.toml's limit, else for ever]
    #[arg(long, value_name = "TIME", global = true)]
    pub timeout: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an empty lake
    Init {
        /// Its folder [default: here]
        dir: Option<PathBuf>,
    },
    /// Land files in an external table, each content once
    Add {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,

        /// The table, such as raw.t
        #[arg(long, value_name = "TABLE")]
        to: String,

        /// The value of a partition column; one for each that the table has
        #[arg(long, value_name = "COLUMN=VALUE")]
        partition: Vec<String>,

        /// A label that t$files shows
        #[arg(long, value_name = "KEY=VALUE")]
        tag: Vec<String>,
    },
    /// Serve the lake over Arrow Flight SQL
    Serve(ServeArguments),
    /// Add, remove and list the users of a served lake
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Make a sample lake, run its scripts and show what they found
    Demo {
        /// How many events to generate
        #[arg(long, default_value_t = 100_000)]
        rows: u64,

        /// Another seed is another sample
        #[arg(long, default_value_t = 42)]
        seed: u64,

        /// Do not open the shell at the end
        #[arg(long)]
        no_repl: bool,
    },
}

/// How the lake is served.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    pub bind: String,

    /// Serve metrics for Prometheus at this address, over HTTP
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,

    /// The server's certificate, in PEM: clients come in by TLS alone
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Who vouches for clients' certificates, in PEM: clients without one are refused
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,

    /// Listen beyond this machine without users or without TLS
    #[arg(long)]
    pub insecure: bool,

    /// Let statements name files, and places outside of the lake
    #[arg(long)]
    pub allow_files: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user
    Add {
        /// The user's name
        name: String,

        /// What the user may do, in a zone or in all: read, write or admin; may be given several times
        /// [default: read]
        #[arg(long, value_name = "[ZONE=]ROLE")]
        role: Vec<String>,

        /// Read the password from stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove a user
    Remove {
        /// The user's name
        name: String,
    },
    /// List the users and their roles
    List,
    /// Give a user another password
    Passwd {
        /// The user's name
        name: String,

        /// Read the password from stdin
        #[arg(long)]
        password_stdin: bool,
    },
}
