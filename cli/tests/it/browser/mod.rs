//! The scheduler's pages in a real browser, while a real cluster works.

mod access;
mod page_rules;
mod pages;
