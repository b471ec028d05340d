//! `gugus man`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::exit::{Code, Failure};
use crate::output::file::not_written;

/// Write the manual pages: one page for each command, with the texts of --help
///
/// The pages are gugus.1, gugus-train.1, gugus-batches-import.1, … With a folder, `man gugus-train` finds them there. Without
/// a folder the command prints all pages, one after the other.
///
/// Example: gugus man /usr/local/share/man/man1
///
/// Next: `man gugus`. `gugus completions` writes completions for your shell.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write to, made if it is not there; standard output when absent
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, all: Command) -> Result<Code, Failure> {
        let pages = pages(all);
        match self.folder {
            None => {
                let mut out = io::stdout().lock();
                for (_, page) in pages {
                    match out.write_all(&page) {
                        // A reader that has gone away (`| head`) has what it wants.
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                        written => written.map_err(Failure::failed)?,
                    }
                }
            }
            Some(folder) => {
                std::fs::create_dir_all(&folder).map_err(|source| not_written(&folder, source))?;
                for (name, page) in pages {
                    let path = folder.join(name);
                    std::fs::write(&path, page).map_err(|source| not_written(&path, source))?;
                }
            }
        }
        Ok(Code::Done)
    }
}

/// The page of each command, with the name of its file.
fn pages(all: Command) -> Vec<(String, Vec<u8>)> {
    // A page for `gugus help` would say what every page says.
    let mut all = all.disable_help_subcommand(true);
    // Names such as gugus-batches-import are known once it is built.
    all.build();
    let mut pages = Vec::new();
    add(&all, &mut pages);
    pages
}

fn add(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) {
    let page = Page::new(command.clone()).source(concat!("gugus ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = page.render(&mut text);
    pages.push((page.get_filename(), text));
    for below in command.get_subcommands() {
        add(below, pages);
    }
}
