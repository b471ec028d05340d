//! The member that runs within the test, because its store fails as the seed says: with writes that are refused, that
//! take effect although their answer is an error, and that take effect later.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use gugus_damage::Draw;
use gugus_files::conformance::faults::{Fault, Faulty};
use gugus_ingest::Error;
use gugus_ingest::ingest::{self, Config, Summary};
use object_store::local::LocalFileSystem;
use tokio_util::sync::CancellationToken;

use crate::kit::wait::PATIENCE;

/// Writes for which faults are drawn; later ones succeed. More than a long run makes.
const WRITES: usize = 20_000;

/// Tries of one write before ingest gives up, as the store has them.
const TRIES: usize = 6;

/// A folder that lies about its writes.
pub(super) struct Liar {
    store: Arc<Faulty>,
    faults: Vec<Fault>,
}

impl Liar {
    pub(super) fn new(seed: u64, folder: &Path) -> Self {
        let mut draw = Draw::new(seed, 3);
        // Each kind early, for the shortest of runs to meet it.
        let mut faults = vec![
            Fault::AnswerLost,
            Fault::None,
            Fault::Late,
            Fault::None,
            Fault::Refused,
        ];
        while faults.len() < WRITES {
            match draw.below(100) {
                0 => faults.extend(outage(&mut draw)),
                1..=5 => faults.push(Fault::Refused),
                6..=15 => faults.push(Fault::AnswerLost),
                16..=20 => faults.push(Fault::Late),
                _ => faults.push(Fault::None),
            }
        }
        let files = LocalFileSystem::new_with_prefix(folder).expect("the batches' folder");
        Self {
            store: Faulty::new(Arc::new(files), &faults, &[]),
            faults,
        }
    }

    /// How often each kind was met: refused, answer lost, late.
    pub(super) fn met(&self) -> [usize; 3] {
        let met = &self.faults[..self.store.written().len().min(self.faults.len())];
        [Fault::Refused, Fault::AnswerLost, Fault::Late]
            .map(|kind| met.iter().filter(|fault| **fault == kind).count())
    }
}

/// A write that fails until ingest gives up. The last try is the one that nobody asks about again: it may have taken
/// effect, or will.
fn outage(draw: &mut Draw) -> Vec<Fault> {
    let last = [Fault::Refused, Fault::AnswerLost, Fault::Late][draw.below(3)];
    let mut faults = vec![Fault::Refused; TRIES - 1];
    faults.push(last);
    faults
}

/// The member.
pub(super) struct Inside {
    stop: CancellationToken,
    thread: JoinHandle<Result<Summary, Error>>,
}

impl Inside {
    /// Starts it, and waits until it is ready or has ended.
    pub(super) fn start(config: Config, liar: &Liar) -> Self {
        let config = Config {
            store: liar.store.store(),
            ..config
        };
        let stop = CancellationToken::new();
        let theirs = stop.clone();
        let (tell, ready) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            let tell = move || {
                // Whoever no longer listens has failed already.
                let _ = tell.send(());
            };
            runtime.block_on(ingest::run(config, tell, theirs))
        });
        // An error drops the channel; the look at the thread says which it was.
        let told = ready.recv_timeout(PATIENCE);
        assert_ne!(
            told,
            Err(mpsc::RecvTimeoutError::Timeout),
            "the member within the test was not ready in {PATIENCE:?}"
        );
        Self { stop, thread }
    }

    pub(super) fn runs(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Tells it to stop, and says how it ended.
    pub(super) fn stop(self) -> Result<Summary, Error> {
        self.stop.cancel();
        self.thread.join().expect("the member's thread")
    }
}
