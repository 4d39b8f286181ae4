//! What the log says of its own entries: who changed the table, when and how.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::log::{LOG_FOLDER, TableLog};
use crate::error::{Code, Error, Result};

/// An entry of the log.
#[derive(Debug)]
pub struct Entry {
    /// The version that it made.
    pub version: u64,
    /// When, as its writer's clock said.
    pub committed_at: DateTime<Utc>,
    info: Value,
}

impl Entry {
    /// What its writer said of it.
    pub fn info(&self) -> &Value {
        &self.info
    }
}

impl TableLog {
    /// The entries that are still there, the oldest first.
    ///
    /// # Errors
    /// What the operating system says; [`Code::CorruptFile`] for an entry that cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let folder = self.folder().join(LOG_FOLDER);
        let listing = std::fs::read_dir(&folder).map_err(|e| Error::io(&folder, "list", e))?;
        let mut versions = Vec::new();
        for entry in listing {
            let name = entry.map_err(|e| Error::io(&folder, "list", e))?.file_name();
            let version = name.to_str().and_then(|name| name.strip_suffix(".json"));
            versions.extend(version.and_then(|digits| digits.parse::<u64>().ok()));
        }
        versions.sort_unstable();
        versions
            .into_iter()
            .map(|version| self.read_entry(version))
            .collect()
    }

    fn read_entry(&self, version: u64) -> Result<Entry> {
        let path = self.entry(version);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, "read", e))?;
        let mut info = Value::Null;
        for line in text.lines().filter(|line| line.contains("\"commitInfo\"")) {
            let mut action: Value = serde_json::from_str(line).map_err(|e| {
                let message = format!("the log's file '{}' is damaged: {e}", path.display());
                Error::new(Code::CorruptFile, message).with_source(e)
            })?;
            if !action["commitInfo"].is_null() {
                info = action["commitInfo"].take();
            }
        }
        let said = info["timestamp"]
            .as_i64()
            .and_then(DateTime::from_timestamp_millis);
        let committed_at = match said {
            Some(time) => time,
            None => {
                let changed = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
                changed.map_err(|e| Error::io(&path, "look at", e))?.into()
            }
        };
        Ok(Entry {
            version,
            committed_at,
            info,
        })
    }

    /// The version that was the latest at a moment, written as a date or a date and a time (in UTC
    /// unless it says a zone).
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a text that is no moment, [`Code::UndefinedVersion`] for one before the
    /// table's first version that is still known.
    pub fn version_at(&self, moment: &str) -> Result<u64> {
        let time = parse(moment).ok_or_else(|| {
            Error::new(Code::InvalidValue, format!("'{moment}' is not a moment"))
                .with_hint("write a date, or a date and a time: '2026-01-31 12:00:00'")
        })?;
        let entries = self.entries()?;
        let found = entries.iter().rev().find(|entry| entry.committed_at <= time);
        found.map(|entry| entry.version).ok_or_else(|| {
            let error = Error::new(
                Code::UndefinedVersion,
                format!("the table has no version as of '{moment}'"),
            );
            let first = entries.first();
            error.with_hint_if(first.map(|entry| {
                format!(
                    "the oldest one known, {}, is of {}",
                    entry.version, entry.committed_at
                )
            }))
        })
    }

    /// `t$history`: a row an entry, the newest first.
    ///
    /// # Errors
    /// As [`TableLog::entries`].
    pub fn history(&self) -> Result<RecordBatch> {
        let mut entries = self.entries()?;
        entries.reverse();
        let texts = |get: &dyn Fn(&Entry) -> Option<String>| -> ArrayRef {
            Arc::new(entries.iter().map(get).collect::<StringArray>())
        };
        let plain =
            |key: &'static str| texts(&move |entry: &Entry| entry.info[key].as_str().map(str::to_owned));
        let json = |key: &'static str| {
            texts(&move |entry: &Entry| {
                let value = &entry.info[key];
                value.as_object().filter(|object| !object.is_empty())?;
                Some(value.to_string())
            })
        };
        let number = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
        let versions: Int64Array = entries.iter().map(|entry| number(Some(entry.version))).collect();
        let times = entries
            .iter()
            .map(|entry| Some(entry.committed_at.timestamp_micros()));
        let read = entries
            .iter()
            .map(|entry| number(entry.info["readVersion"].as_u64()));
        let blind = entries.iter().map(|entry| entry.info["isBlindAppend"].as_bool());
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("version", Arc::new(versions)),
            (
                "committed_at",
                Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            ),
            ("operation", plain("operation")),
            ("parameters", json("operationParameters")),
            ("metrics", json("operationMetrics")),
            ("load_id", plain("loadId")),
            ("read_version", Arc::new(read.collect::<Int64Array>())),
            ("is_blind_append", Arc::new(blind.collect::<BooleanArray>())),
            ("engine", plain("engineInfo")),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)))
            .map_err(|e| Error::new(Code::Internal, e.to_string()).with_source(e))
    }
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().to_uppercase();
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Some(time.to_utc());
    }
    let formats = [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ];
    let naive = formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok());
    let date = || {
        chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    naive.or_else(date).map(|time| time.and_utc())
}
