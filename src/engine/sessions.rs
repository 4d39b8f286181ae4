//! Who is there: the sessions of one opened lake, as `system.sessions` shows them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::system::batch;

/// Where a session's user is, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the other end.
    pub address: Option<String>,
    /// What its program calls itself.
    pub client: Option<String>,
}

/// The sessions that are open.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<String, Weak<Presence>>>);

/// One that is open; dropped with the last clone of its session.
#[derive(Debug)]
pub(super) struct Presence {
    id: String,
    user: String,
    origin: Origin,
    started_at: DateTime<Utc>,
    last_at: Mutex<DateTime<Utc>>,
    statements: AtomicU64,
    sessions: Weak<Sessions>,
}

impl Sessions {
    /// Enters a session.
    pub(super) fn enter(self: &Arc<Self>, id: &str, user: &str, origin: Origin) -> Arc<Presence> {
        let now = Utc::now();
        let presence = Arc::new(Presence {
            id: id.to_owned(),
            user: user.to_owned(),
            origin,
            started_at: now,
            last_at: Mutex::new(now),
            statements: AtomicU64::new(0),
            sessions: Arc::downgrade(self),
        });
        self.0.lock().insert(id.to_owned(), Arc::downgrade(&presence));
        presence
    }

    /// The ids of `user`'s sessions.
    pub(super) fn of_user(&self, user: &str) -> Vec<String> {
        let all = self.present();
        all.iter()
            .filter(|one| one.user == user)
            .map(|one| one.id.clone())
            .collect()
    }

    fn present(&self) -> Vec<Arc<Presence>> {
        self.0.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// `system.sessions`: a row a session; of `user` alone, if one is given.
    pub(super) fn table(&self, user: Option<&str>) -> RecordBatch {
        let mut all = self.present();
        all.retain(|one| user.is_none_or(|user| one.user == user));
        all.sort_by_key(|one| one.started_at);
        let text = |get: fn(&Presence) -> Option<&str>| -> ArrayRef {
            Arc::new(all.iter().map(|one| get(one)).collect::<StringArray>())
        };
        let moment = |get: fn(&Presence) -> DateTime<Utc>| -> ArrayRef {
            let values = all.iter().map(|one| Some(get(one).timestamp_micros()));
            Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        };
        let statements = all
            .iter()
            .map(|one| i64::try_from(one.statements.load(Ordering::Relaxed)).ok());
        batch(vec![
            ("id", text(|one| Some(&one.id))),
            ("user_name", text(|one| Some(&one.user))),
            ("address", text(|one| one.origin.address.as_deref())),
            ("client", text(|one| one.origin.client.as_deref())),
            ("started_at", moment(|one| one.started_at)),
            ("last_statement_at", moment(|one| *one.last_at.lock())),
            ("statements", Arc::new(statements.collect::<Int64Array>())),
        ])
    }
}

impl Presence {
    /// Another statement begins.
    pub(super) fn begin(&self) {
        *self.last_at.lock() = Utc::now();
        self.statements.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(sessions) = self.sessions.upgrade() {
            sessions.0.lock().remove(&self.id);
        }
    }
}
