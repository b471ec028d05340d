//! The way from any process to a scheduler: its address, what is shown to it, and what it answers.

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod rest;
pub(crate) mod status;
