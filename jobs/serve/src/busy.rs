//! Work that keeps a thread busy.

use crate::problem::{Code, Problem};

/// Bodies up to this length are answered at once, in some hundred microseconds; longer ones are handed to a thread that
/// may be busy for longer, so that others are answered meanwhile.
const AT_ONCE: usize = 64 * 1024;

/// Does the work on a body. `length` is the length of the unpacked body, and none if only unpacking tells it.
pub(crate) async fn run<T: Send + 'static>(
    length: Option<usize>,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if length.is_some_and(|length| length <= AT_ONCE) {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| {
        tracing::error!(%stopped, "a prediction ended early");
        Err(Problem::new(
            Code::ShuttingDown,
            "the prediction was broken off; send it again",
        ))
    })
}
