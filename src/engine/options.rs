//! A session's zone and settings, changed without a statement.

use super::session::Session;
use super::settings;
use crate::error::Result;

impl Session {
    /// Makes `zone` the one in which names without a zone are looked up.
    ///
    /// # Errors
    /// [`Code::UndefinedZone`](crate::error::Code::UndefinedZone).
    pub fn use_zone(&self, zone: &str) -> Result<()> {
        let zone = self.lake().catalog().zone(zone)?.name.clone();
        let mut config = self.config().write();
        config.options_mut().catalog.default_schema = zone;
        Ok(())
    }

    /// Gives a setting a value, as `SET` does; answers with its full name.
    ///
    /// # Errors
    /// [`Code::UndefinedSetting`](crate::error::Code::UndefinedSetting),
    /// [`Code::InvalidValue`](crate::error::Code::InvalidValue), or that it is fixed.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        settings::set(self.config(), name, value).map(drop)
    }

    /// Gives a setting the value that it had at first.
    ///
    /// # Errors
    /// [`Code::UndefinedSetting`](crate::error::Code::UndefinedSetting).
    pub fn reset(&self, name: &str) -> Result<()> {
        settings::reset(self.config(), self.first_config(), Some(name))
    }

    /// Every setting that has a value, sorted by name.
    pub fn settings(&self) -> Vec<(String, String)> {
        let all = settings::entries(&self.config().read());
        all.into_iter()
            .filter_map(|entry| Some((entry.key, entry.value?)))
            .collect()
    }
}
