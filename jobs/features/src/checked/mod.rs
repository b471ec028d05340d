//! The scan of batches: what is read is checked against the hashes that the batches have.

mod node;
mod reader;

pub use node::{CheckedScanExec, ReaderPanic};
pub use reader::StoreFails;
