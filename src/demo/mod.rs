//! The sample lake: a small shop with thirty days of data in which defects are planted and counted.
//!
//! Owns: the generator of the raw tables and of `data/answers.json` ([`generate`]), and the embedded
//! catalog and scripts of the sample, which this repository's own `catalog/` and `sql/` are
//! ([`lay_out`], [`SCRIPTS`]). Deterministic: the same rows and seed give the same bytes on every
//! machine. It runs nothing: the scripts are for the engine.

mod answers;
mod calendar;
mod container;
mod events;
mod files;
mod items;
mod layout;
mod orders;
mod progress;
mod random;
mod readings;
mod shop;
mod users;
mod words;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Code, Error, Result};

pub use answers::{Answers, Defect, Table};
pub use layout::{SCRIPTS, lay_out};
pub use progress::DemoProgress;

use progress::Report;
use random::Dice;
use shop::Shop;

/// How large a sample, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// The number of events, duplicates included; the other tables follow it. May be 0.
    pub rows: u64,
    /// Samples of different seeds are different; all keep the definitions.
    pub seed: u64,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            rows: 100_000,
            seed: 42,
        }
    }
}

/// Writes the raw tables below `<lake_root>/data/raw` and the number of planted defects to
/// `<lake_root>/data/answers.json`, and tells `progress` now and then. What the tables' folders held
/// before is removed first. Memory does not grow with the number of rows.
///
/// # Errors
/// When a file cannot be written: `58P02` (refused), `53100` (disk full), `58030` (input/output).
/// What was written by then stays, without `answers.json`.
pub fn generate(
    lake_root: &Path,
    options: &DemoOptions,
    progress: &mut dyn FnMut(DemoProgress),
) -> Result<Answers> {
    let data = lake_root.join("data");
    let answers_path = data.join("answers.json");
    match fs::remove_file(&answers_path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Error::io(&answers_path, "remove", error));
        }
        _ => {}
    }
    let raw = data.join("raw");
    for table in Table::ALL {
        files::clear(&raw.join(table.folder()))?;
    }
    let answers = tables(&raw, options, &mut Report::new(progress))?;
    let mut json = serde_json::to_vec_pretty(&answers)
        .map_err(|error| Error::new(Code::Internal, format!("cannot serialize the answers: {error}")))?;
    json.push(b'\n');
    files::write(answers_path, &json)?;
    Ok(answers)
}

fn tables(raw: &Path, options: &DemoOptions, report: &mut Report<'_>) -> Result<Answers> {
    let DemoOptions { rows, seed } = *options;
    let shop = Shop::new(rows, seed);
    let mut answers = Answers::default();
    for table in Table::ALL {
        let folder = &raw.join(table.folder());
        let dice = Dice::new(seed, table as u64);
        match table {
            Table::Events => events::write(folder, rows, &shop, dice, &mut answers, report)?,
            Table::Users => users::write(folder, &shop, dice, &mut answers, report)?,
            Table::Items => items::write(folder, &shop, dice, &mut answers, report)?,
            Table::Orders => orders::write(folder, rows / 5, &shop, dice, &mut answers, report)?,
            Table::Readings => readings::write(folder, rows, dice, &mut answers, report)?,
        }
    }
    Ok(answers)
}
