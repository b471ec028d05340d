//! Flags that several commands share, each with what it opens or reads.

pub(crate) mod answering;
pub(crate) mod cluster;
pub(crate) mod folders;
pub(crate) mod grpc;
pub(crate) mod guards;
pub(crate) mod job_file;
pub(crate) mod kafka;
pub(crate) mod model;
pub(crate) mod poll;
pub(crate) mod rate;
pub(crate) mod reading;
pub(crate) mod security;
