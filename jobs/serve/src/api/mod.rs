//! What each route answers, with its part of the OpenAPI document beside it. A file has its routes, what they answer
//! (`answers`) and what the document says of them (`Document`); [`crate::routes`] lists the files.

pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod models;
pub(crate) mod predict;
