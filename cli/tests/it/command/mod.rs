//! The command line itself: flags, variables, files, errors, the demo.

mod config;
mod demo;
mod errors;
mod shell;
mod up;
