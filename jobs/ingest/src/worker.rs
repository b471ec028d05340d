//! Work that blocks, on a thread with a name of its own.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::Error;

/// Starts a thread that may block, and may wait for futures on the caller's runtime. The future gives its result.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&Handle) -> Result<T, Error> + Send + 'static,
) -> Result<impl Future<Output = Result<T, Error>>, Error> {
    let runtime = Handle::current();
    let (done, result) = oneshot::channel();
    let run = move || {
        // Perhaps nobody waits any more.
        let _ = done.send(work(&runtime));
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|e| Error::Bug(format!("the system gave no thread: {e}")))?;
    // If the thread panicked, it has sent nothing.
    let panicked = |_| Err(Error::Bug("a working thread panicked".to_owned()));
    Ok(async move { result.await.unwrap_or_else(panicked) })
}
