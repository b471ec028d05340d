//! Schedulers and executors as processes of their own.

mod away;
mod cut;
mod history;
mod losses;
mod members;
mod pages;
mod port;
mod processes;
mod rollback;
mod run_pages;
mod runs;
mod standing;
mod storage;
mod stores;
mod strangers;
mod waiting;
