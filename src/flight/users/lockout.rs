//! Who has failed too often waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tonic::Status;

/// How many attempts may fail before the next has to wait.
const FREE_ATTEMPTS: u32 = 5;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many addresses are remembered; the oldest are forgotten first.
const ADDRESSES: usize = 10_000;

/// Failed attempts, by address.
#[derive(Debug, Default)]
pub(super) struct Lockout(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
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
        let Some(failures) = self.0.lock().get(&source).copied() else {
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

    pub(super) fn count(&self, source: IpAddr) {
        let mut all = self.0.lock();
        if all.len() >= ADDRESSES && !all.contains_key(&source) {
            let oldest = all
                .iter()
                .min_by_key(|(_, failures)| failures.last)
                .map(|(ip, _)| *ip);
            oldest.and_then(|ip| all.remove(&ip));
        }
        let now = Instant::now();
        let failures = all.entry(source).or_insert(Failures { count: 0, last: now });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    pub(super) fn forget(&self, source: IpAddr) {
        self.0.lock().remove(&source);
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
            lockout.count(a);
        }
        assert!(lockout.check(a).is_err());
        assert!(lockout.check(b).is_ok());
        lockout.forget(a);
        assert!(lockout.check(a).is_ok());
    }

    #[test]
    fn the_wait_grows_to_a_minute() {
        let of = |count| {
            Failures {
                count,
                last: Instant::now(),
            }
            .wait()
        };
        assert_eq!(of(4), Duration::ZERO);
        assert_eq!(of(5), Duration::from_secs(1));
        assert_eq!(of(8), Duration::from_secs(8));
        assert_eq!(of(u32::MAX), LONGEST_WAIT);
    }
}
