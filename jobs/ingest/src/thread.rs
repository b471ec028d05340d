//! Work that blocks, on a thread of its own name.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::Error;

/// What a thread will have returned.
pub(crate) type Work<T> = oneshot::Receiver<Result<T, Error>>;

/// Starts a thread that may block, and may wait for futures on the caller's runtime.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&Handle) -> Result<T, Error> + Send + 'static,
) -> Result<Work<T>, Error> {
    let runtime = Handle::current();
    let (done, result) = oneshot::channel();
    let run = move || {
        // Nobody may wait any more.
        let _ = done.send(work(&runtime));
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|e| Error::Bug {
            what: format!("the system gave no thread: {e}"),
        })?;
    Ok(result)
}

/// A thread that panicked has sent nothing.
pub(crate) fn flatten<T>(
    result: Result<Result<T, Error>, oneshot::error::RecvError>,
) -> Result<T, Error> {
    result.unwrap_or_else(|_| {
        Err(Error::Bug {
            what: "a working thread panicked".to_owned(),
        })
    })
}
