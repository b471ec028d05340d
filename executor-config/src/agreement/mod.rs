//! Everything in which all members of a cluster must agree: versions, functions, settings, and how plans travel.

pub(crate) mod about;
pub(crate) mod codec;
pub(crate) mod id;
pub(crate) mod session;
