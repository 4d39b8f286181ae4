//! A session of a server that speaks Flight SQL: this program's, or any other.
//!
//! Each statement is a call of its own, in the order of its text; one with parameters is prepared, and
//! its values are bound. Rows come as they are asked for, and a statement whose rows are dropped is
//! cancelled. Refuses to send a password without TLS to another machine.

mod call;
mod failure;
mod listening;
mod url;

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};

use self::call::Calls;
use self::listening::Listening;
pub use self::url::ServerUrl;
use super::Connection;
use crate::engine::{Body, Elsewhere, Outcomes, Progress, Record};
use crate::error::Result;
use crate::syntax::{Parameters, Piece, Script};

/// A [`Connection`] to a server.
#[derive(Debug, Clone)]
pub struct RemoteConnection {
    calls: Arc<Calls>,
    records: Elsewhere,
    /// Whether the server is asked how far a statement is.
    listens: bool,
}

impl RemoteConnection {
    /// Connects, and logs in where the URL names a user.
    ///
    /// # Errors
    /// [`Code::Connection`](crate::error::Code::Connection) if there is no server,
    /// [`Code::NotAuthenticated`](crate::error::Code::NotAuthenticated) if it lets nobody in like that.
    pub async fn connect(url: &ServerUrl, password: Option<&str>) -> Result<Self> {
        Ok(Self {
            calls: Arc::new(Calls::connect(url, password).await?),
            records: Elsewhere::default(),
            listens: true,
        })
    }
}

impl RemoteConnection {
    async fn body(&self, piece: &Piece, parameters: &Parameters, record: Record) -> Result<Body> {
        let listening = self
            .listens
            .then(|| Listening::start(Arc::clone(&self.calls), record));
        let body = self.calls.run(in_its_place(piece), piece, parameters).await?;
        Ok(match listening {
            Some(listening) => listening.until_end_of(body).await,
            None => body,
        })
    }
}

impl Connection for RemoteConnection {
    fn execute(&self, sql: &str, parameters: &Parameters) -> Outcomes {
        let connection = self.clone();
        let shared = Arc::new((sql.to_owned(), parameters.clone()));
        stream::iter(Script::new(sql).into_pieces())
            .then(move |piece| {
                let (connection, shared) = (connection.clone(), Arc::clone(&shared));
                async move {
                    let piece = piece?;
                    let (sql, parameters) = shared.as_ref();
                    let work = |record| connection.body(&piece, parameters, record);
                    let outcome = connection.records.outcome(&piece, work).await;
                    outcome.map_err(|error| error.placed_in(sql))
                }
            })
            .boxed()
    }

    fn aside(&self, sql: &str) -> Outcomes {
        let aside = Self {
            calls: Arc::clone(&self.calls),
            records: Elsewhere::default(),
            listens: false,
        };
        aside.execute(sql, &Parameters::default())
    }

    fn progress(&self) -> Progress {
        self.records.progress()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.calls.close_session().boxed()
    }
}

/// The statement's text, at its line and column: the places in errors are those of the whole text.
fn in_its_place(piece: &Piece) -> String {
    let start = piece.start();
    let mut text = "\n".repeat(start.line().saturating_sub(1));
    text.extend(std::iter::repeat_n(' ', start.column().saturating_sub(1)));
    text + piece.sql()
}
