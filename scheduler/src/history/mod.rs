//! Records of Ballista jobs and executors that outlive the scheduler.
//!
//! Below `--state` lies the folder `history`: `jobs/ID.json` is the record of one job, `jobs.jsonl` has a line for each of them
//! with what the table of jobs shows, and `executors.json` the executors of the last day. The table is in memory, so that
//! thousands of jobs are listed without reading a file. A start reads `jobs.jsonl`, but only those records that have no line in
//! it. A record is written to a temporary file and renamed, so it is whole or not there. It is not forced to the disk. After a
//! power failure the last records may be missing. A record that cannot be read is left out. Nobody holds the lock of the table
//! while the disk works.
//!
//! # Why not Ballista's event log
//! `ballista-history` writes a file for each job with events, and a server of its own reads them. It goes far: stages, times of
//! tasks, plans. It does not know which executor had a task that failed, which tasks were lost when a stage was begun again, or
//! any executor; it lists jobs by reading all files; it removes none; and its records hold session settings as they are, with
//! whatever a client put there.

mod folder;
mod index;
mod kept_jobs;
mod limits;

pub(crate) use kept_jobs::{History, Listed};
pub use limits::KeepJobs;
