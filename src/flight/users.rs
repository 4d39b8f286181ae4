//! Users: the file that keeps them, and who is let in.
//!
//! `.weir/users.toml` has a table a user: an argon2 hash of the password, and roles. It is readable for
//! its owner alone, and read anew when it has changed. Refuses whoever has failed too often from one
//! address, for a time that grows.

mod file;
mod lockout;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordVerifier};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tonic::Status;
use uuid::Uuid;

pub use file::{User, UserFile};

use self::lockout::Lockout;
use super::sessions::local_administrator;
use super::status::refused;
use crate::engine::Principal;
use crate::error::{Code, Error, Result};

/// How long a password that was right is not computed again.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Decides who is let in.
#[derive(Debug)]
pub(super) struct Gatekeeper {
    /// `None` lets everybody in, as the local administrator.
    users: Option<UserFile>,
    lockout: Lockout,
    /// Of passwords that were right: a keyed digest, and until when it holds.
    right: Mutex<HashMap<[u8; 32], Instant>>,
    key: [u8; 16],
}

impl Gatekeeper {
    /// Lets the file's users in; everybody, if there is none.
    pub(super) fn new(users: Option<UserFile>) -> Self {
        Self {
            users,
            lockout: Lockout::default(),
            right: Mutex::default(),
            key: *Uuid::new_v4().as_bytes(),
        }
    }

    /// Whether everybody is let in.
    pub(super) fn is_open(&self) -> bool {
        self.users.is_none()
    }

    /// Who calls without credentials.
    pub(super) fn anonymous(&self) -> Result<Principal, Status> {
        match self.users {
            None => Ok(local_administrator()),
            Some(_) => Err(refused(
                Error::new(Code::NotAuthenticated, "this server needs a user and a password")
                    .with_hint("log in first: a handshake with basic authentication gives a token"),
            )),
        }
    }

    /// What is said to a token that is not, or no longer, known. It counts as an attempt.
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
    pub(super) async fn check(
        &self,
        user: &str,
        password: &str,
        source: IpAddr,
    ) -> Result<Principal, Status> {
        self.lockout.check(source)?;
        let Some(users) = &self.users else {
            return self.anonymous();
        };
        let known = users.find(user).map_err(refused)?;
        let digest = self.digest(user, password, known.as_ref().map(|user| user.password.as_str()));
        let is_remembered = self
            .right
            .lock()
            .get(&digest)
            .is_some_and(|until| *until > Instant::now());
        let is_right = is_remembered || verified(known.as_ref(), password).await;
        match known.filter(|_| is_right) {
            Some(known) => {
                let mut right = self.right.lock();
                right.retain(|_, until| *until > Instant::now());
                right.insert(digest, Instant::now() + REMEMBERED);
                self.lockout.forget(source);
                Ok(known.principal())
            }
            None => {
                self.lockout.count(source);
                tracing::warn!(%source, user, "a wrong user or password was refused");
                Err(refused(
                    Error::new(Code::NotAuthenticated, "the user or the password is wrong")
                        .with_hint("'weir user passwd NAME' sets a new one"),
                ))
            }
        }
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
