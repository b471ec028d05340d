//! The environment that plans are made in and tasks run in: object stores and memory.

pub(crate) mod environment;
pub(crate) mod memory;
mod stores;
