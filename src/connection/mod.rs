//! What front ends speak: a connection to a lake, wherever it is.
//!
//! [`LocalConnection`] is a session in this process, [`RemoteConnection`] one of a server that speaks Flight SQL.
//! Nothing above this module knows which kind it has. What people type to go with SQL, parameters, is read
//! here too, so that every front end reads it alike.

mod local;
mod parameter;
mod remote;

pub use local::LocalConnection;
pub use parameter::parameter_from_text;
pub use remote::{RemoteConnection, ServerUrl};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::engine::{Outcomes, Progress};
use crate::syntax::Parameters;

/// The header in which a server tells the whole of an error, as JSON.
pub const ERROR_HEADER: &str = "weir-error-bin";

/// The action that asks a server of this program what the session's last statement tells of itself, as JSON.
pub const PROGRESS_ACTION: &str = "weir.GetProgress";

/// Chooses the cryptography of TLS for this process, unless that has been done.
pub fn choose_cryptography() {
    // An error says that there is a choice already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A connection to a lake.
pub trait Connection: Send + Sync {
    /// Runs the statements of `sql`, each when its outcome is asked for.
    fn execute(&self, sql: &str, parameters: &Parameters) -> Outcomes;

    /// Runs what a front end asks for itself, to complete a name, say: not a statement of its user, whose
    /// progress it is not and among whose statements it is not shown, as far as the connection can tell them
    /// apart.
    fn aside(&self, sql: &str) -> Outcomes {
        self.execute(sql, &Parameters::default())
    }

    /// How far the running statement is.
    fn progress(&self) -> Progress;

    /// Ends the session, wherever it is. Without this, one elsewhere ends when nobody has used it for long.
    fn close(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
