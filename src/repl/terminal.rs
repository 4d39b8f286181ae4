//! The terminal: how wide it is, and how it behaves while a statement runs.

use std::os::fd::AsFd;

use console::Term;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// How many characters wide a terminal is; `None` for what is none.
pub(super) fn width_of(terminal: &Term) -> Option<usize> {
    let size = terminal.is_term().then(|| terminal.size_checked())?;
    size.map(|(_, columns)| usize::from(columns))
        .filter(|columns| *columns > 0)
}

/// Whether more was typed or pasted than has been read.
pub(super) fn has_keys_waiting() -> bool {
    let stdin = std::io::stdin();
    let mut inputs = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    poll(&mut inputs, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Keeps the terminal from writing `^C` into the middle of a meter or a table. Dropped, the terminal is
/// as it was.
pub(super) struct NoMarks(Option<Termios>);

impl NoMarks {
    /// Has no effect where stdin is no terminal.
    pub(super) fn new() -> Self {
        let stdin = std::io::stdin();
        let Ok(before) = tcgetattr(&stdin) else {
            return Self(None);
        };
        let mut without = before.clone();
        without.local_flags.remove(LocalFlags::ECHOCTL);
        let set = tcsetattr(&stdin, SetArg::TCSANOW, &without);
        Self(set.is_ok().then_some(before))
    }
}

impl Drop for NoMarks {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, before);
        }
    }
}
