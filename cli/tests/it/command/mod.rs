//! The command line itself: flags, variables, files, errors, the demo.

mod bounded;
mod config;
mod demo;
mod errors;
mod grpc;
mod guarded;
mod raw;
mod shell;
mod special;
mod stopped;
mod traces;
mod up;
mod watching;
