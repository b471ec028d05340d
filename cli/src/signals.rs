//! Ctrl-C and SIGTERM.

use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal as UnixSignal, SignalKind, signal};
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

async fn next(interrupt: &mut UnixSignal, terminate: &mut UnixSignal) -> Signal {
    tokio::select! {
        _ = interrupt.recv() => Signal::Interrupt,
        _ = terminate.recv() => Signal::Terminate,
    }
}

/// How long a command may take to end. Whatever it waits for then, such as a disk that is gone, it ends without that.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// The stop signal of a command.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) token: CancellationToken,
    received: Arc<AtomicU8>,
    /// What the command may take beyond [`LONGEST_STOP`], in milliseconds.
    longer: Arc<AtomicU64>,
}

impl Stop {
    /// Listens for the first signal, which asks to stop. A second one ends the process at once, and so does
    /// [`LONGEST_STOP`]. The thread that listens is its own: no work of the command keeps it from listening.
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = Self {
            token: CancellationToken::new(),
            received: Arc::new(AtomicU8::new(0)),
            longer: Arc::new(AtomicU64::new(0)),
        };
        let (told, listening) = mpsc::sync_channel(1);
        let listener = stop.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match runtime {
                    Ok(runtime) => runtime.block_on(listener.obey(&told)),
                    Err(error) => drop(told.send(Err(error))),
                }
            })?;
        listening
            .recv()
            .unwrap_or_else(|gone| Err(io::Error::other(gone)))?;
        Ok(stop)
    }

    /// Waits for signals, after telling whether it can.
    async fn obey(&self, told: &mpsc::SyncSender<io::Result<()>>) {
        let signals = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        let (mut interrupt, mut terminate) = match signals {
            Ok(signals) => signals,
            Err(error) => return drop(told.send(Err(error))),
        };
        let _ = told.send(Ok(()));
        let first = next(&mut interrupt, &mut terminate).await;
        self.received.store(first.exit_code(), Ordering::SeqCst);
        tracing::info!("stopping; a second signal ends the process at once");
        self.token.cancel();
        let longer = Duration::from_millis(self.longer.load(Ordering::SeqCst));
        let second = next(&mut interrupt, &mut terminate);
        let second = tokio::time::timeout(LONGEST_STOP.saturating_add(longer), second).await;
        if second.is_err() {
            tracing::error!("the command does not stop by itself, so its process ends");
            crate::traces::send_last();
        }
        std::process::exit(second.unwrap_or(first).exit_code().into());
    }

    /// Lets the command take longer to end, such as to drain.
    pub(crate) fn may_take(&self, longer: Duration) {
        let longer = u64::try_from(longer.as_millis()).unwrap_or(u64::MAX);
        self.longer.store(longer, Ordering::SeqCst);
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
