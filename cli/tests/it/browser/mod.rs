//! Our pages in a real browser: the scheduler's, while a real cluster works, and those of `serve`.

mod access;
mod page_rules;
mod pages;
mod serve;
