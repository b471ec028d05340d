//! The command line itself: flags, variables, files, errors, the demo.

mod config;
mod demo;
mod errors;
mod grpc;
mod guarded;
mod shell;
mod traces;
mod up;
mod watching;
