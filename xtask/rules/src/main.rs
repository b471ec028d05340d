//! The rules about the workspace's shape that the compiler does not check. `cargo xtask check` runs this program.
//!
//! * `layers`: which crate may depend on which ([`layers`]), and no circle of files inside a crate ([`circles`]).
//! * `deny`: which licences and which duplicate versions the dependencies may have ([`deny`]).
//!
//! `sbom` is no rule: it writes the bill of materials of the program, from the same figures ([`sbom`]).
//!
//! The program is a crate of its own so that xtask itself needs no dependency and compiles in a second.

mod circles;
mod deny;
mod layers;
mod metadata;
mod modules;
mod sbom;
mod ways;

use std::process::ExitCode;

use metadata::Metadata;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let broken = Metadata::read().and_then(|metadata| match arguments.as_slice() {
        [rule] if rule == "layers" => {
            let mut broken = layers::check(&metadata);
            broken.extend(circles::check(&metadata)?);
            Ok(broken)
        }
        [rule] if rule == "deny" => Ok(deny::check(&metadata)),
        [what] if what == "sbom" => {
            println!("{:#}", sbom::document(&metadata)?);
            Ok(Vec::new())
        }
        _ => Err("usage: xtask-rules layers | deny | sbom".to_owned()),
    });
    match broken {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            for what in &broken {
                eprintln!("{what}\n");
            }
            eprintln!("rules that are broken: {}", broken.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
