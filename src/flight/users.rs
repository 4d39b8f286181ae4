//! Users: the file that keeps them, and who is let in.
//!
//! `.weir/users.toml` has a table a user: an argon2 hash of the password, and roles. It is readable for
//! its owner alone, and read anew when it has changed: whoever is removed, or gets another password or
//! other roles, has to log in again. Refuses whoever has failed too often from one address, for a time
//! that grows.

mod file;
mod known;
mod lockout;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordVerifier};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tonic::Status;
use uuid::Uuid;

pub use file::{User, UserFile};

use self::known::Known;
use self::lockout::Lockout;
use super::sessions::local_administrator;
use super::status::refused;
use crate::engine::Principal;
use crate::error::{Code, Error, Result};

/// How long a password that was right is not computed again.
const REMEMBERED: Duration = Duration::from_secs(300);

/// How many passwords are computed at one time: each takes a core and 19 MiB for a while.
const VERIFIED_AT_ONCE: usize = 2;

/// Decides who is let in.
#[derive(Debug)]
pub(super) struct Gatekeeper {
    users: Known,
    /// Whether there ever were users. From then on nobody else is let in, also if the last one is removed.
    is_closed: AtomicBool,
    verifying: Semaphore,
    lockout: Lockout,
    /// Of passwords that were right: a keyed digest, and until when it holds.
    right: Mutex<HashMap<[u8; 32], Instant>>,
    key: [u8; 16],
}

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub principal: Principal,
    /// What the file had of the user then; `None` for the local administrator.
    entry: Option<User>,
}

impl Admitted {
    /// Whether they are the same, with the same roles.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.entry == other.entry && self.principal.user == other.principal.user
    }
}

impl Gatekeeper {
    /// Lets the file's users in; everybody, as the local administrator, as long as there has been none.
    /// With `is_closed` nobody else, however few there are.
    pub(super) fn new(users: UserFile, is_closed: bool) -> Self {
        Self {
            users: Known::new(users),
            is_closed: AtomicBool::new(is_closed),
            verifying: Semaphore::new(VERIFIED_AT_ONCE),
            lockout: Lockout::default(),
            right: Mutex::default(),
            key: *Uuid::new_v4().as_bytes(),
        }
    }

    /// Whether everybody is let in.
    pub(super) fn is_open(&self) -> bool {
        // A file that cannot be read lets nobody in.
        let has_users = || self.users.users().is_ok_and(|users| users.is_empty());
        if !self.is_closed.load(Ordering::Relaxed) && !has_users() {
            self.is_closed.store(true, Ordering::Relaxed);
        }
        !self.is_closed.load(Ordering::Relaxed)
    }

    /// Whether who was let in would be let in now, with the same roles.
    pub(super) fn holds(&self, admitted: &Admitted) -> bool {
        match &admitted.entry {
            None => self.is_open(),
            Some(entry) => self
                .users
                .users()
                .is_ok_and(|users| users.get(&entry.name) == Some(entry)),
        }
    }

    /// Who calls without credentials.
    pub(super) fn anonymous(&self) -> Result<Admitted, Status> {
        match self.is_open() {
            true => Ok(Admitted {
                principal: local_administrator(),
                entry: None,
            }),
            false => Err(refused(
                Error::new(Code::NotAuthenticated, "this server needs a user and a password")
                    .with_hint("log in first: a handshake with basic authentication gives a token"),
            )),
        }
    }

    /// What is said to a token that is not, or no longer, known. It does not count as an attempt: none is
    /// ever guessed, and many end while their clients sleep.
    pub(super) fn no_session(&self, source: IpAddr) -> Status {
        if let Err(status) = self.lockout.check(source) {
            return status;
        }
        tracing::warn!(%source, "an unknown or expired token was refused");
        refused(
            Error::new(
                Code::NotAuthenticated,
                "there is no such session, or it has ended",
            )
            .with_hint("log in again"),
        )
    }

    /// The user of that name and password.
    pub(super) async fn check(&self, user: &str, password: &str, source: IpAddr) -> Result<Admitted, Status> {
        self.lockout.check(source)?;
        let known = self.users.users().map_err(refused)?.get(user).cloned();
        let digest = self.digest(user, password, known.as_ref().map(|user| user.password.as_str()));
        let is_remembered = self
            .right
            .lock()
            .get(&digest)
            .is_some_and(|until| *until > Instant::now());
        let is_right = is_remembered || self.verified(known.as_ref(), password, source).await?;
        match known.filter(|_| is_right) {
            Some(known) => {
                let mut right = self.right.lock();
                right.retain(|_, until| *until > Instant::now());
                right.insert(digest, Instant::now() + REMEMBERED);
                self.lockout.forgive(source, user);
                Ok(Admitted {
                    principal: known.principal(),
                    entry: Some(known),
                })
            }
            None => {
                self.lockout.count(source, user);
                tracing::warn!(%source, user, "a wrong user or password was refused");
                Err(refused(
                    Error::new(Code::NotAuthenticated, "the user or the password is wrong")
                        .with_hint("'weir user passwd NAME' sets a new one"),
                ))
            }
        }
    }

    /// Whether the password is the user's. Those that come at once wait in line, and those from an address
    /// that meanwhile has failed too often are not looked at.
    async fn verified(&self, user: Option<&User>, password: &str, source: IpAddr) -> Result<bool, Status> {
        let _turn = self
            .verifying
            .acquire()
            .await
            .map_err(|e| Status::internal(e.to_string()))?;
        self.lockout.check(source)?;
        Ok(verified(user, password).await)
    }

    fn digest(&self, user: &str, password: &str, hash: Option<&str>) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        for part in [user, password, hash.unwrap_or_default()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        digest.finalize().into()
    }
}

/// An argon2 hash of a text that nobody knows: an unknown user takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo";

async fn verified(user: Option<&User>, password: &str) -> bool {
    let hash = user.map_or_else(|| NOBODY.to_owned(), |user| user.password.clone());
    let password = password.to_owned();
    // It takes a core for tens of milliseconds, on purpose.
    let work = tokio::task::spawn_blocking(move || {
        let Ok(hash) = PasswordHash::new(&hash) else {
            return false;
        };
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    });
    work.await.unwrap_or(false) && user.is_some()
}

/// Where a lake keeps its users.
pub fn users_file(lake: &std::path::Path) -> PathBuf {
    lake.join(".weir").join("users.toml")
}
