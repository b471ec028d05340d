//! What all members of a cluster must have alike: versions, functions, settings, and how plans travel.

pub(crate) mod about;
pub(crate) mod codec;
pub(crate) mod session;
