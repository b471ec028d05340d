//! Runs work that blocks on threads of its own, away from the threads that wait for many things.

use crate::StoreError;

/// Runs work that blocks, such as file I/O and decoding, on a thread that may block.
///
/// # Errors
/// Those of `work`, and [`StoreError::Failed`] when the thread ended early.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| StoreError::Failed {
        action: "waiting for a thread that works on",
        path: "files".to_owned(),
        source: source.into(),
    })?
}
