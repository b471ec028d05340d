//! The command line itself: flags, variables, files, errors, the demo.

mod config;
mod demo;
mod errors;
mod guarded;
mod shell;
mod traces;
mod watching;
mod up;
