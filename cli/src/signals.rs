//! Ctrl-C and SIGTERM.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A signal that asks a command to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, which `kill` and service managers send.
    Terminate,
}

impl Signal {
    /// 128 plus the number of the signal, as in shells.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// The stop signal of a command.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) token: CancellationToken,
    received: Arc<AtomicU8>,
}

impl Stop {
    /// Listens for the first signal, which asks to stop; a second one ends the process at once.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let stop = Self {
            token: CancellationToken::new(),
            received: Arc::new(AtomicU8::new(0)),
        };
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let listener = stop.clone();
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                let code = received.exit_code();
                if listener.received.swap(code, Ordering::SeqCst) != 0 {
                    std::process::exit(code.into());
                }
                tracing::info!("stopping; a second signal ends the process at once");
                listener.token.cancel();
            }
        });
        Ok(stop)
    }

    /// The signal that came, if any.
    pub(crate) fn signal(&self) -> Option<Signal> {
        match self.received.load(Ordering::SeqCst) {
            0 => None,
            143 => Some(Signal::Terminate),
            _ => Some(Signal::Interrupt),
        }
    }
}
