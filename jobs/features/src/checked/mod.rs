//! The scan of batches. It checks the bytes that it reads against the hashes in the batch files.

mod node;
mod reader;

pub use node::{CheckedScanExec, ReaderPanic};
pub use reader::StoreFails;
