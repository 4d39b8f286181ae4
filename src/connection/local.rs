//! A session in this process.

use super::Connection;
use crate::engine::{Outcomes, Progress, Session};
use crate::syntax::Parameters;

/// A [`Connection`] to a lake that this process has opened.
#[derive(Debug, Clone)]
pub struct LocalConnection {
    session: Session,
}

impl LocalConnection {
    /// The connection to `session`.
    pub fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Connection for LocalConnection {
    fn execute(&self, sql: &str, parameters: &Parameters) -> Outcomes {
        self.session.execute(sql, parameters)
    }

    fn aside(&self, sql: &str) -> Outcomes {
        self.session.aside().execute(sql, &Parameters::default())
    }

    fn progress(&self) -> Progress {
        self.session.progress()
    }
}
