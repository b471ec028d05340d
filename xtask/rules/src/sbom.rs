//! A bill of materials of the program `gugus`, as CycloneDX JSON.
//!
//! [cargo-cyclonedx](https://crates.io/crates/cargo-cyclonedx) writes such documents, too. But it writes one beside each manifest
//! of the workspace, and it has to be compiled first. `cargo metadata` knows all that the document needs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::metadata::{Metadata, Package};

/// The package that is the program.
const PROGRAM: &str = "gugus";

/// The document: the program, every package that it may contain on any system, and which of them uses which. Two calls on the same
/// `Cargo.lock` give the same text.
pub(crate) fn document(metadata: &Metadata) -> Result<Value, String> {
    let program = metadata.members().find(|package| package.name == PROGRAM);
    let program = program.ok_or_else(|| format!("the workspace has no package {PROGRAM}"))?;
    let contained = contained(metadata, program);
    let others = contained.values().filter(|other| other.id != program.id);
    let dependencies = contained.values().map(|package| {
        let uses = metadata.uses(&package.id).map(reference);
        json!({ "ref": reference(package), "dependsOn": uses.collect::<BTreeSet<_>>() })
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(program, "application") },
        "components": others.map(|other| component(other, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// The program and all that it uses, by reference.
fn contained<'a>(metadata: &'a Metadata, program: &'a Package) -> BTreeMap<String, &'a Package> {
    let mut found = BTreeMap::new();
    let mut open = vec![program];
    while let Some(package) = open.pop() {
        if found.insert(reference(package), package).is_none() {
            open.extend(metadata.uses(&package.id));
        }
    }
    found
}

fn component(package: &Package, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
    });
    if let Some(licence) = &package.license {
        // A slash is an old way to write OR, with or without spaces around it.
        let choices: Vec<&str> = licence.split('/').map(str::trim).collect();
        component["licenses"] = json!([{ "expression": choices.join(" OR ") }]);
    }
    if package.source.is_some() {
        component["purl"] = reference(package).into();
    }
    component
}

/// Names one version of one package, in the form of a package URL.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::of;

    #[test]
    fn the_program_is_listed_with_all_that_it_uses_and_nothing_else() {
        let metadata = of(&[
            ("gugus", &["other", "ours", "tests!"]),
            ("ours", &["other"]),
            ("apart", &["more"]),
            ("other", &[]),
            ("more", &[]),
            ("tests", &[]),
        ]);
        let document = document(&metadata).unwrap();
        let names = document["components"].as_array().unwrap();
        let names: Vec<&str> = names.iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["other", "ours"]);
        assert_eq!(document["metadata"]["component"]["name"], "gugus");
        let uses = document["dependencies"].as_array().unwrap();
        assert_eq!(uses.len(), 3);
        assert_eq!(
            uses[0],
            json!({
                "ref": "pkg:cargo/gugus@1.0.0",
                "dependsOn": ["pkg:cargo/other@1.0.0", "pkg:cargo/ours@1.0.0"],
            })
        );
        assert_eq!(
            document["components"][0]["licenses"],
            json!([{ "expression": "MIT" }])
        );
    }
}
