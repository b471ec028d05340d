//! Licences, duplicate versions and sources of the dependencies.
//!
//! [cargo-deny](https://crates.io/crates/cargo-deny) checks this and more. Compiling it takes CI longer than our own
//! crates, and its news of security holes need the internet. So these rules are read off `cargo metadata` here.

use std::collections::{BTreeMap, BTreeSet};

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
    // `AND` binds closer than `OR`; before there were expressions, a slash meant `OR`.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at).is_some_and(|allowed| allowed && at == words.len())
}

fn either(words: &[&str], at: &mut usize) -> Option<bool> {
    let mut allowed = both(words, at)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        allowed |= both(words, at)?;
    }
    Some(allowed)
}

fn both(words: &[&str], at: &mut usize) -> Option<bool> {
    let mut allowed = one(words, at)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        allowed &= one(words, at)?;
    }
    Some(allowed)
}

fn one(words: &[&str], at: &mut usize) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let allowed = either(words, at)?;
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return closed.then_some(allowed);
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1)?;
        *at += 2;
        return Some(LICENCES.contains(&format!("{word} WITH {exception}").as_str()));
    }
    Some(LICENCES.contains(&word))
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

fn wildcards(package: &Package) -> Vec<String> {
    let open = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_none() && dependency.req == "*");
    let told = open.map(|dependency| {
        format!(
            "{} takes any version of {}\n  name one in the workspace's Cargo.toml",
            package.name, dependency.name
        )
    });
    told.collect()
}

fn duplicates(versions: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let known: BTreeMap<&str, &str> = DUPLICATES.iter().copied().collect();
    let twice = |name: &str| {
        versions
            .get(name)
            .is_some_and(|versions| versions.len() > 1)
    };
    let new = versions
        .iter()
        .filter(|(name, _)| twice(name) && !known.contains_key(*name));
    let new = new.map(|(name, versions)| {
        let versions: Vec<&str> = versions.iter().copied().collect();
        format!(
            "{name} is compiled in the versions {}\n  `cargo tree -i {name}@{}` shows who wants the old one: agree on one, or add \
             it with the reason to DUPLICATES in xtask/rules/src/deny.rs",
            versions.join(" and "),
            versions.first().unwrap_or(&"")
        )
    });
    let gone = known.keys().filter(|name| !twice(name)).map(|name| {
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
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = DUPLICATES
            .iter()
            .map(|(name, _)| (*name, BTreeSet::from(["1.0.0", "2.0.0"])))
            .collect();
        assert_eq!(duplicates(&versions), [""; 0]);
        versions.insert("new", BTreeSet::from(["1.0.0", "2.0.0"]));
        versions.insert("syn", BTreeSet::from(["3.0.0"]));
        let told = duplicates(&versions).join("\n");
        assert!(told.contains("new is compiled in the versions 1.0.0 and 2.0.0"));
        assert!(told.contains("syn has one version only"), "{told}");
    }
}
