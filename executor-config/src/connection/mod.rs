//! The way from any process to a scheduler: its address, the proof for it, and its answers.

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod rest;
pub(crate) mod status;
