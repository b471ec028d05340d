//! The guards stand before the routes: sites and names, the token, the limits, the names of requests, and the log of requests.

pub(crate) mod callers;
pub(crate) mod described;
pub(crate) mod limits;
pub(crate) mod names;
pub(crate) mod refusals;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod sites;
