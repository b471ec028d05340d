//! The way from any process to a scheduler: the address, the proofs that are shown, and the answers.

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod rest;
pub(crate) mod status;
