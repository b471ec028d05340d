//! `gugus completions`.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::{Code, Failure};
use crate::output::print_raw;

/// Print the script by which a shell completes commands and flags
///
/// With the script the Tab key completes what you began to type.
///
/// Example: gugus completions bash
///
/// Next: write the script to the place where your shell looks for it, for bash
/// ~/.local/share/bash-completion/completions/gugus.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut all: Command) -> Result<Code, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut all, "gugus", &mut script);
        print_raw(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Code::Done)
    }
}
