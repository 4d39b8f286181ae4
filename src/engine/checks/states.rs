//! What is known of a table's files from earlier checks, so that a check reads those that are new.
//!
//! A file of a managed table never changes. For a rule whose answer depends on the row alone, the numbers
//! of rows that it applies to and that break it in each file are kept, and added up; for a key, how many
//! rows of which files break it. A state is a cache: without it, or with one that another process has
//! put in its place, a check reads more and says the same. It is kept as long as the table has the file and
//! the rule, under the rule's text and its columns' types: what is changed is not found again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::definition::Rule;
use crate::error::{Code, Error, Result};
use crate::storage::{OnExisting, write_atomically};

/// Rows that a rule applies to, and those that break it.
pub(super) type Count = (u64, u64);

/// The states of one table.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct States {
    #[serde(skip)]
    path: PathBuf,
    rules: BTreeMap<String, State>,
}

/// What is known of one rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Its numbers in each file.
    pub files: BTreeMap<String, Count>,
    /// Of a key: files, and how many of their rows break it among themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<(BTreeSet<String>, u64)>,
}

impl States {
    /// What is known of the table in `folder`, of the lake in `root`.
    pub(super) fn read(root: &Path, folder: &Path) -> Self {
        let name = hex(folder.to_string_lossy().as_bytes());
        let path = root.join(".weir/checks/states").join(format!("{name}.json"));
        // What cannot be read is not known.
        let known = std::fs::read(&path).ok();
        let known = known.and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            path,
            ..known.unwrap_or_default()
        }
    }

    /// What is known of a rule.
    pub(super) fn of(&self, fingerprint: &str) -> State {
        self.rules.get(fingerprint).cloned().unwrap_or_default()
    }

    /// Keeps these states, and no others.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub(super) fn write(mut self, rules: BTreeMap<String, State>) -> Result<()> {
        if self.rules == rules {
            return Ok(());
        }
        self.rules = rules;
        let text = serde_json::to_vec(&self).map_err(|e| {
            Error::new(Code::Internal, format!("cannot write a check's state: {e}")).with_source(e)
        })?;
        write_atomically(&self.path, &text, OnExisting::Replace).map(drop)
    }
}

/// Tells a rule over columns of these types, in a session of this time zone, from every other.
pub(super) fn fingerprint(rule: &Rule, columns: &SchemaRef, time_zone: &str) -> String {
    let types = columns
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()));
    let types: Vec<String> = types.collect();
    let text = format!("{}\n{}\n{time_zone}", rule.sql(), types.join("\n"));
    hex(text.as_bytes())
}

/// The same of a rule that no setting of a session changes: a key, or columns that are there.
pub(super) fn fingerprint_of_rows(rule: &Rule, columns: &SchemaRef) -> String {
    fingerprint(rule, columns, "")
}

/// Sixteen bytes of a hash.
pub(super) fn hex(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
