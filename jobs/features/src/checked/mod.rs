//! The scan of batches. It checks the bytes that it reads against the hashes in the batch files.

mod buffers;
mod node;
mod reader;

pub(crate) use buffers::Buffers;
pub use node::{CheckedScanExec, ReaderPanic};
pub use reader::StoreFails;
