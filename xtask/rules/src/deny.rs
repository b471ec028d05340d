//! Licences, duplicate versions and sources of the dependencies.
//!
//! [cargo-deny](https://crates.io/crates/cargo-deny) checks this and more. Compiling it takes CI longer than our own
//! crates, and its news of security holes need the internet. So these rules are read off `cargo metadata` here.

use std::collections::{BTreeMap, BTreeSet};

use spdx::{Expression, ParseMode};

use crate::metadata::{Metadata, Package};

/// Licences under which a dependency may reach our users. All of them let a program under Apache-2.0 contain it.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    // The library bzip2's own, as free as the BSD licences.
    "bzip2-1.0.6",
];

/// Packages of which more than one version is compiled, since two of our dependencies disagree, and who asks for the old.
const DUPLICATES: &[(&str, &str)] = &[
    ("base64", "reqwest, tonic and ours hold 0.22"),
    ("block-buffer", "digest 0.10"),
    ("constant_time_eq", "blake3"),
    ("cpufeatures", "sha1 of headers"),
    ("crypto-common", "digest 0.10"),
    ("digest", "sha1 of headers, md-5 of object_store"),
    ("embedded-io", "postcard names two of them"),
    ("foldhash", "hashbrown 0.15"),
    ("getrandom", "each version of rand has its own; ring"),
    ("hashbrown", "dashmap, petgraph"),
    ("itertools", "ndarray-stats of linfa, DataFusion"),
    ("md-5", "object_store"),
    ("num-bigint", "bigdecimal of Arrow"),
    ("r-efi", "getrandom, on UEFI alone"),
    ("rand", "linfa holds 0.8, DataFusion 0.9"),
    ("rand_chacha", "goes with rand"),
    ("rand_core", "goes with rand"),
    ("syn", "macros of two ages; no program contains it"),
    ("synstructure", "macros of two ages; no program contains it"),
    ("thiserror", "kdtree and linfa-linalg hold 1"),
    ("thiserror-impl", "goes with thiserror"),
    ("tower-http", "reqwest"),
    ("windows-sys", "on Windows alone"),
    ("zstd", "Arrow"),
    ("zstd-safe", "goes with zstd"),
];

/// The one place that dependencies come from.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is broken, ready to be read.
pub(crate) fn check(metadata: &Metadata) -> Vec<String> {
    let mut broken = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata.packages.values() {
        broken.extend(licence(package));
        broken.extend(source(package));
        versions
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    for package in metadata.members() {
        broken.extend(wildcards(package));
    }
    broken.extend(duplicates(&versions));
    broken
}

fn licence(package: &Package) -> Option<String> {
    let licence = package.license.as_deref().unwrap_or("");
    (!is_allowed(licence)).then(|| {
        format!(
            "{} {} has the licence \"{licence}\", which is not among those allowed\n  do without it, or add the licence to \
             LICENCES in xtask/rules/src/deny.rs when Apache-2.0 goes with it",
            package.name, package.version
        )
    })
}

/// Whether an expression such as `(MIT OR Apache-2.0) AND Unicode-3.0` can be met by allowed licences.
fn is_allowed(expression: &str) -> bool {
    // Before there were expressions, a slash meant `OR`.
    let read = Expression::parse_mode(expression, ParseMode::LAX);
    read.is_ok_and(|read| read.evaluate(|wanted| LICENCES.contains(&&*wanted.to_string())))
}

fn source(package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    (source != SOURCE).then(|| {
        format!(
            "{} {} comes from {source}\n  take it from crates.io, where a version never changes",
            package.name, package.version
        )
    })
}

fn wildcards(package: &Package) -> impl Iterator<Item = String> {
    let dependencies = package.dependencies.iter();
    let open = dependencies.filter(|used| used.path.is_none() && used.req == "*");
    open.map(|used| {
        format!(
            "{} takes any version of {}\n  name one in the workspace's Cargo.toml",
            package.name, used.name
        )
    })
}

fn duplicates(versions: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let known: BTreeSet<&str> = DUPLICATES.iter().map(|(name, _)| *name).collect();
    let twice = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let twice: BTreeMap<&str, Vec<&str>> = twice
        .map(|(name, versions)| (*name, versions.iter().copied().collect()))
        .collect();
    let new = twice.iter().filter(|(name, _)| !known.contains(*name));
    let new = new.map(|(name, versions)| {
        format!(
            "{name} is compiled in the versions {}\n  `cargo tree -i {name}@{}` shows who wants the old one: agree on one, or add \
             it with the reason to DUPLICATES in xtask/rules/src/deny.rs",
            versions.join(" and "),
            versions[0]
        )
    });
    let gone = known.iter().filter(|name| !twice.contains_key(*name));
    let gone = gone.map(|name| {
        format!(
            "{name} has one version only\n  take it out of DUPLICATES in xtask/rules/src/deny.rs"
        )
    });
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_licences_are_read_as_spdx_means_them() {
        for allowed in [
            "MIT",
            "MIT/Apache-2.0",
            "MIT OR GPL-3.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "GPL-3.0 AND ISC OR MIT",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "GPL-2.0 WITH Classpath-exception-2.0",
            "(MIT OR ISC",
            "MIT ISC",
            "GPL-3.0 AND (MIT OR ISC)",
        ] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }

    #[test]
    fn a_second_version_is_news_and_so_is_one_that_went() {
        let two = BTreeSet::from(["1.0.0", "2.0.0"]);
        let known = DUPLICATES.iter().map(|(name, _)| (*name, two.clone()));
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = known.collect();
        assert_eq!(duplicates(&versions), [""; 0]);
        versions.insert("new", two);
        versions.insert("syn", BTreeSet::from(["3.0.0"]));
        let told = duplicates(&versions).join("\n");
        assert!(told.contains("new is compiled in the versions 1.0.0 and 2.0.0"));
        assert!(told.contains("syn has one version only"), "{told}");
    }
}
