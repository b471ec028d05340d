//! TLS and the token: the proofs that a process shows and demands.

pub(crate) mod callers;
pub(crate) mod dial;
pub(crate) mod guard;
pub(crate) mod refusal;
mod sessions;
pub(crate) mod settings;
pub(crate) mod tls;
