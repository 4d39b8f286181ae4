//! The settings of the engine's own: what one statement may take, in time and memory.

use std::any::Any;
use std::time::Duration;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::Result;
use datafusion::prelude::SessionConfig;

use crate::definition::{duration_from_text, duration_text, size_from_text};
use crate::error::{Code, Error};

/// The limits of each statement of a session. Zero is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// How long a statement may take, waiting included.
    pub statement_timeout: Duration,
    /// How long a statement's rows may wait for its reader.
    pub idle_timeout: Duration,
    /// What its operators may hold, in bytes; the lake's limit holds beside it.
    pub statement_memory: u64,
}

const STATEMENT_TIMEOUT: &str = "statement_timeout";
const IDLE_TIMEOUT: &str = "idle_timeout";
const STATEMENT_MEMORY: &str = "statement_memory";

impl Limits {
    /// The limits of a session with these settings.
    pub(super) fn of(config: &SessionConfig) -> Self {
        let found = config.options().extensions.get::<Self>();
        found.copied().unwrap_or_default()
    }
}

/// A limit that is set.
pub(super) fn some(limit: Duration) -> Option<Duration> {
    Some(limit).filter(|limit| !limit.is_zero())
}

impl ConfigExtension for Limits {
    const PREFIX: &'static str = "weir";
}

impl ExtensionOptions for Limits {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(*self)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            STATEMENT_TIMEOUT => self.statement_timeout = duration_from_text(value)?,
            IDLE_TIMEOUT => self.idle_timeout = duration_from_text(value)?,
            STATEMENT_MEMORY => self.statement_memory = size_from_text(value)?,
            _ => {
                let message = format!("there is no setting 'weir.{key}'");
                return Err(Error::new(Code::UndefinedSetting, message).into());
            }
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |key: &str, value: String, description| ConfigEntry {
            key: format!("{}.{key}", Self::PREFIX),
            value: Some(value),
            description,
        };
        let memory = match self.statement_memory {
            0 => "0".to_owned(),
            bytes if bytes.is_multiple_of(1 << 20) => format!("{}MB", bytes >> 20),
            bytes => bytes.to_string(),
        };
        vec![
            entry(
                STATEMENT_TIMEOUT,
                duration_text(self.statement_timeout),
                "How long a statement may take, waiting for others included: a number and a unit, as 30s or 5min. \
                 0 is no limit.",
            ),
            entry(
                IDLE_TIMEOUT,
                duration_text(self.idle_timeout),
                "How long a statement's rows may wait until its reader takes them: a number and a unit, as 30s or \
                 5min. 0 is no limit.",
            ),
            entry(
                STATEMENT_MEMORY,
                memory,
                "How much memory a statement's operators may hold, beside the lake's limit: a number and a unit, as \
                 256MB. 0 is no limit of its own.",
            ),
        ]
    }
}
