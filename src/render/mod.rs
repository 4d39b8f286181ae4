//! Results as text or bytes: one list of formats, one way from a value to its text.
//!
//! Owns: the list ([`Format`]), what one output is given ([`Renderer`]), and how every Arrow type
//! reads in every format. It refuses to know what a statement, a terminal or a file is: it is handed
//! a schema and batches, and a writer to put them on. Nothing is left out of what it writes: no value
//! is shortened, and no row is dropped; a table that is to fit on a screen ([`Fit`]) says what did not.
//! Beside formats it owns where results go ([`Destination`]) and the progress on a terminal ([`Meter`]).
//!
//! # What holds for every text format
//! - Several results in one output are separated by an empty line.
//! - Numbers are written so that they read back as the same number: floats in their shortest such
//!   form, decimals exactly, `NaN`, `inf` and `-inf` by these names (JSON has none of the three:
//!   `null` there, and in nested values).
//! - Dates and times follow ISO 8601: `2026-01-02`, `03:04:05.000001`, `2026-01-02T03:04:05.000001`,
//!   with an offset or `Z` for a timestamp with a zone. Intervals and durations read as SQL's interval
//!   text, `1 year 2 mons 3 days 4 hours 5 mins 6.7 secs`.
//! - Binary is lower case hexadecimal. Lists, structs and maps are JSON. A union is the member it holds.
//! - A format that addresses columns by name (json, ndjson, insert, parquet, arrow) makes equal names
//!   distinct: `a`, `a` becomes `a`, `a_1`. The others write the names as they are.
//!
//! NULL: empty in csv (see [`Format::Csv`]), `\N` in tsv, `null` in json and ndjson, `NULL` in the
//! rest. Where a person reads (table, expanded, chart, markdown, html), a text that would read as NULL is put
//! in quotes: `'NULL'`.

mod arrow_ipc;
mod chart;
mod column_names;
mod csv;
mod delimited;
mod destination;
mod expanded;
mod fit;
mod format;
mod html;
mod insert;
mod json;
mod markdown;
mod meter;
mod output;
mod parquet_columns;
mod parquet_file;
mod renderer;
mod stored_type;
mod table;
mod thousands;
mod tsv;
mod type_name;
mod value;
mod visible;

pub use destination::{Destination, OpenDestination};
pub use fit::Fit;
pub use format::Format;
pub use meter::Meter;
pub use output::is_broken_pipe;
pub use renderer::{RenderOptions, Renderer};
pub use type_name::type_name;

#[cfg(test)]
mod tests;
