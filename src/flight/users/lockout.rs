//! Who has failed too often waits.
//!
//! A password that is right forgives the attempts that failed with the same name, and no others: whoever has one
//! would else guess another's for ever.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tonic::Status;

/// How many attempts may fail before the next has to wait.
const FREE_ATTEMPTS: u32 = 5;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// After so long without another, failed attempts do not count any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// How many addresses are remembered; the oldest are forgotten first.
const ADDRESSES: usize = 10_000;

/// Failed attempts, by address.
#[derive(Debug, Default)]
pub(super) struct Lockout(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Debug, Clone)]
struct Failures {
    count: u32,
    last: Instant,
    /// Whose password was wrong, as long as it was one user's.
    user: Option<String>,
}

impl Failures {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE_ATTEMPTS) {
            Some(more) => FIRST_WAIT.saturating_mul(1 << more.min(6)).min(LONGEST_WAIT),
            None => Duration::ZERO,
        }
    }
}

impl Lockout {
    /// # Errors
    /// Unauthenticated, as long as the address has to wait.
    pub(super) fn check(&self, source: IpAddr) -> Result<(), Status> {
        let all = self.0.lock();
        let Some(failures) = all.get(&source) else {
            return Ok(());
        };
        let left = failures.wait().saturating_sub(failures.last.elapsed());
        match left.is_zero() {
            true => Ok(()),
            false => {
                let seconds = left.as_secs() + 1;
                let message = format!("too many attempts failed from this address: wait {seconds} s");
                Err(Status::unauthenticated(message))
            }
        }
    }

    /// An attempt has failed.
    pub(super) fn count(&self, source: IpAddr, user: &str) {
        let mut all = self.0.lock();
        if all.len() >= ADDRESSES && !all.contains_key(&source) {
            let oldest = all
                .iter()
                .min_by_key(|(_, failures)| failures.last)
                .map(|(ip, _)| *ip);
            oldest.and_then(|ip| all.remove(&ip));
        }
        let now = Instant::now();
        let begun = || Failures {
            count: 0,
            last: now,
            user: Some(user.to_owned()),
        };
        let failures = all.entry(source).or_insert_with(begun);
        if failures.last.elapsed() > FORGOTTEN_AFTER {
            *failures = begun();
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        failures.user.take_if(|failed| failed != user);
    }

    /// An attempt has succeeded.
    pub(super) fn forgive(&self, source: IpAddr, user: &str) {
        let mut all = self.0.lock();
        if all
            .get(&source)
            .is_some_and(|failures| failures.user.as_deref() == Some(user))
        {
            all.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_waits_and_another_address_does_not() {
        let lockout = Lockout::default();
        let (a, b) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        for _ in 0..FREE_ATTEMPTS {
            assert!(lockout.check(a).is_ok());
            lockout.count(a, "ann");
        }
        assert!(lockout.check(a).is_err());
        assert!(lockout.check(b).is_ok());
        lockout.forgive(a, "ann");
        assert!(lockout.check(a).is_ok());
    }

    #[test]
    fn ones_own_password_does_not_forgive_guesses_of_anothers() {
        let lockout = Lockout::default();
        let source = [10, 0, 0, 1].into();
        for _ in 0..FREE_ATTEMPTS {
            lockout.count(source, "ann");
            lockout.forgive(source, "eve");
        }
        assert!(lockout.check(source).is_err());
        lockout.count(source, "eve");
        lockout.forgive(source, "ann");
        assert!(lockout.check(source).is_err());
    }

    #[test]
    fn the_wait_grows_to_a_minute() {
        let of = |count| {
            Failures {
                count,
                last: Instant::now(),
                user: None,
            }
            .wait()
        };
        assert_eq!(of(4), Duration::ZERO);
        assert_eq!(of(5), Duration::from_secs(1));
        assert_eq!(of(8), Duration::from_secs(8));
        assert_eq!(of(u32::MAX), LONGEST_WAIT);
    }
}
