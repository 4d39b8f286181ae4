//! Ctrl-C while a statement runs.
//!
//! Listened to on a thread of its own: the threads that compute may all be busy when it comes. While a
//! line is edited Ctrl-C is a key like others and does not come here.

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::{Error, Result};

/// The interrupts of this process, which from now on do not end it.
pub(super) struct Interrupts(UnboundedReceiver<()>);

impl Interrupts {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn listen() -> Result<Self> {
        let wrong = |e| Error::io("Ctrl-C", "listen for", e);
        let (sender, receiver) = unbounded_channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let listen = move || {
            let runtime = match Builder::new_current_thread().enable_io().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async {
                let mut interrupts = match signal(SignalKind::interrupt()) {
                    Ok(interrupts) => interrupts,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                let _ = ready.send(Ok(()));
                while interrupts.recv().await.is_some() && sender.send(()).is_ok() {}
            });
        };
        std::thread::Builder::new()
            .name("interrupts".to_owned())
            .spawn(listen)
            .map_err(wrong)?;
        let started = is_ready.recv();
        started
            .unwrap_or_else(|_| Err(std::io::Error::other("the listening thread has ended")))
            .map_err(wrong)?;
        Ok(Self(receiver))
    }

    /// Forgets those that came before.
    pub(super) fn clear(&mut self) {
        while self.0.try_recv().is_ok() {}
    }

    /// Waits for one.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
