//! Our pages in a real browser: the scheduler's, while a real cluster works, and those of `serve`; and what a page of
//! another site can do to all of them.

mod access;
mod page_rules;
mod pages;
mod serve;
mod strangers;
