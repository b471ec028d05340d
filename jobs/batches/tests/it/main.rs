//! The batch log: its semantics in memory, races and faults on a bucket too, what a folder adds on a folder.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

mod damage;
mod faults;
mod fixtures;
mod histories;
mod jumps;
mod kit;
mod local;
mod log;
mod prune;
mod race;
mod refusals;
mod replay;
mod requests;
