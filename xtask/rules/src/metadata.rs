//! `cargo metadata`: the packages of the workspace and of its dependencies, and which package uses which.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::ways::shortest;

/// All packages that `Cargo.lock` pins, and the arrows between them.
pub(crate) struct Metadata {
    pub(crate) packages: BTreeMap<String, Package>,
    pub(crate) root: PathBuf,
    members: Vec<String>,
    /// For each package, the packages that its library and its binaries use: neither its tests nor its build script, except
    /// for sources that the build script compiles.
    normal: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    /// How cargo names one version of one package.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A line of a manifest's dependencies.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
    pub(crate) path: Option<String>,
}

/// A library, a binary, a test or an example.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

impl Metadata {
    pub(crate) fn read() -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--locked", "--format-version", "1"])
            .output()
            .map_err(|error| format!("cargo metadata did not start: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo metadata failed: {}", said.trim()));
        }
        serde_json::from_slice(&output.stdout)
            .and_then(Self::parse)
            .map_err(|error| format!("cargo metadata's answer cannot be read: {error}"))
    }

    fn parse(mut document: Value) -> serde_json::Result<Self> {
        let packages: Vec<Package> = serde_json::from_value(document["packages"].take())?;
        let ids = packages.into_iter().map(|p| (p.id.clone(), p));
        let used = |node: &Value| {
            let edges = list(&node["deps"]).iter().filter(|edge| is_contained(edge));
            edges.map(|edge| text(&edge["pkg"])).collect()
        };
        let nodes = list(&document["resolve"]["nodes"]).iter();
        Ok(Self {
            packages: ids.collect(),
            root: text(&document["workspace_root"]).into(),
            members: list(&document["workspace_members"])
                .iter()
                .map(text)
                .collect(),
            normal: nodes.map(|node| (text(&node["id"]), used(node))).collect(),
        })
    }

    /// Our own crates.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().filter_map(|id| self.packages.get(id))
    }

    /// The packages that a package uses directly.
    pub(crate) fn uses(&self, id: &str) -> impl Iterator<Item = &Package> {
        let used = self.normal.get(id).into_iter().flatten();
        used.filter_map(|id| self.packages.get(id))
    }

    /// The shortest way from a package to a wanted one, as names.
    pub(crate) fn way(&self, from: &Package, wanted: impl Fn(&str) -> bool) -> Option<Vec<&str>> {
        let name = |id: &str| self.packages.get(id).map_or("", |p| p.name.as_str());
        let next = |id: &str| self.uses(id).map(|package| package.id.as_str()).collect();
        let way = shortest(from.id.as_str(), next, |id| wanted(name(id)))?;
        Some(way.into_iter().map(name).collect())
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether a package reaches the program. A normal dependency has a kind of null; others are `dev` or `build`. A package such as
/// openssl-src holds the sources of a C library, and a build script compiles them into the program.
fn is_contained(edge: &Value) -> bool {
    let has_sources = text(&edge["name"]).ends_with("_src");
    list(&edge["dep_kinds"])
        .iter()
        .any(|kind| kind["kind"].is_null() || (has_sources && kind["kind"] == "build"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// Packages and their dependencies, all of them members. A dependency that ends in `!` is used by tests alone.
    pub(crate) fn of(arrows: &[(&str, &[&str])]) -> Metadata {
        let packages = arrows.iter().map(|(name, _)| {
            json!({
                "id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": null,
                "dependencies": [], "targets": []
            })
        });
        let nodes = arrows.iter().map(|(name, used)| {
            let used = used.iter().map(|used| {
                let kind = used.ends_with('!').then_some("dev");
                json!({"pkg": used.trim_end_matches('!'), "dep_kinds": [{"kind": kind}]})
            });
            json!({"id": name, "deps": used.collect::<Value>()})
        });
        let names = arrows.iter().map(|(name, _)| *name);
        let document = json!({
            "workspace_root": "/", "workspace_members": names.collect::<Value>(),
            "packages": packages.collect::<Value>(), "resolve": {"nodes": nodes.collect::<Value>()}
        });
        Metadata::parse(document).unwrap()
    }

    #[test]
    fn sources_that_a_build_script_compiles_reach_the_program() {
        let edge =
            |name: &str, kind: Option<&str>| json!({"name": name, "dep_kinds": [{"kind": kind}]});
        for (name, kind, contained) in [
            ("serde", None, true),
            ("serde", Some("dev"), false),
            ("cc", Some("build"), false),
            ("openssl_src", Some("build"), true),
            ("openssl_src", Some("dev"), false),
        ] {
            assert_eq!(
                is_contained(&edge(name, kind)),
                contained,
                "{name} {kind:?}"
            );
        }
    }

    #[test]
    fn the_way_is_the_shortest_and_ignores_what_only_tests_use() {
        let metadata = of(&[("a", &["b", "c!"]), ("b", &["c"]), ("c", &[])]);
        let a = metadata.members().next().unwrap();
        let way = |wanted: &str| metadata.way(a, |name| name == wanted);
        assert_eq!(way("c").unwrap(), ["a", "b", "c"]);
        assert_eq!(way("a"), None);
    }
}
