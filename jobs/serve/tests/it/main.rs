//! The service over real folders and real HTTP.

mod documents;
mod folders;
mod limits;
mod models;
mod point;
mod records;
mod service;
mod spark;
