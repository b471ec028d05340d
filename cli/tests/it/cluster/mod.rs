//! Schedulers and executors as processes of their own.

mod history;
mod losses;
mod members;
mod port;
mod processes;
mod rollback;
mod runs;
mod storage;
