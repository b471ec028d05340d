//! The pages that a person reads: the models, and one model with its map and a form that predicts.
//!
//! A page is made of plain values. All its links are relative to the page itself, so that they also work behind a proxy that
//! gives the service a path of its own.

mod frame;
mod home;
mod map;
mod model;

pub(crate) use frame::{Root, refused};
pub(crate) use home::{Home, PER_PAGE, Row};
pub(crate) use map::{has_map, map};
pub(crate) use model::{Field, Found, ModelPage, Target};
