//! The scheduler's pages in a real browser, while a real cluster works.

mod access;
mod judge;
mod pages;
