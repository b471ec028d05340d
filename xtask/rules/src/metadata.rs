//! `cargo metadata`: the packages of the workspace and of its dependencies, and who depends on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

/// All packages that `Cargo.lock` pins, and the arrows between them.
pub(crate) struct Metadata {
    pub(crate) packages: BTreeMap<Id, Package>,
    pub(crate) root: PathBuf,
    members: BTreeSet<Id>,
    /// For each package, the packages that its library and its binaries use: neither its tests nor its build script.
    normal: BTreeMap<Id, Vec<Id>>,
}

/// How cargo names one version of one package.
pub(crate) type Id = String;

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: Id,
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
        Self::parse(&output.stdout)
    }

    fn parse(document: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(document)
            .map_err(|error| format!("cargo metadata's answer cannot be read: {error}"))?;
        let normal = document.resolve.nodes.into_iter().map(|node| {
            let used = node.deps.into_iter().filter(Edge::is_normal);
            (node.id, used.map(|edge| edge.pkg).collect())
        });
        let packages = document.packages.into_iter();
        Ok(Self {
            root: document.workspace_root,
            members: document.workspace_members,
            normal: normal.collect(),
            packages: packages
                .map(|package| (package.id.clone(), package))
                .collect(),
        })
    }

    /// Our own crates.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().filter_map(|id| self.packages.get(id))
    }

    /// The packages that a package uses directly.
    pub(crate) fn uses(&self, id: &Id) -> impl Iterator<Item = &Package> {
        let used = self.normal.get(id).into_iter().flatten();
        used.filter_map(|id| self.packages.get(id))
    }

    /// The shortest way from a package to one of those wanted, as names, the package's own first.
    pub(crate) fn way(&self, from: &Package, wanted: impl Fn(&str) -> bool) -> Option<Vec<&str>> {
        let mut came_from: BTreeMap<&str, &Package> = BTreeMap::new();
        let mut seen = BTreeSet::from([from.id.as_str()]);
        let mut next = std::collections::VecDeque::from([from.id.as_str()]);
        while let Some(id) = next.pop_front() {
            let package = self.packages.get(id)?;
            if package.id != from.id && wanted(&package.name) {
                let mut way = vec![package.name.as_str()];
                let mut at = id;
                while let Some(before) = came_from.get(at) {
                    way.push(&before.name);
                    at = &before.id;
                }
                way.reverse();
                return Some(way);
            }
            for used in self.uses(&package.id) {
                if seen.insert(&used.id) {
                    came_from.insert(&used.id, package);
                    next.push_back(&used.id);
                }
            }
        }
        None
    }
}

#[derive(Deserialize)]
struct Document {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    workspace_members: BTreeSet<Id>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: Id,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: Id,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    /// Nothing for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

impl Edge {
    fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Packages and their normal dependencies, all of them members.
    pub(crate) fn of(arrows: &[(&str, &[&str])]) -> Metadata {
        let packages = arrows.iter().map(|(name, used)| {
            let dependencies = used.iter().map(|used| Dependency {
                name: (*used).to_owned(),
                req: "^1".to_owned(),
                path: None,
            });
            let package = Package {
                id: (*name).to_owned(),
                name: (*name).to_owned(),
                version: "1.0.0".to_owned(),
                license: Some("Apache-2.0".to_owned()),
                source: None,
                dependencies: dependencies.collect(),
                targets: Vec::new(),
            };
            (package.id.clone(), package)
        });
        let normal = arrows.iter().map(|(name, used)| {
            let used = used.iter().map(|used| (*used).to_owned());
            ((*name).to_owned(), used.collect())
        });
        Metadata {
            root: PathBuf::from("/"),
            members: arrows.iter().map(|(name, _)| (*name).to_owned()).collect(),
            normal: normal.collect(),
            packages: packages.collect(),
        }
    }

    #[test]
    fn the_way_is_the_shortest_and_ignores_what_only_tests_use() {
        let text = r#"{"workspace_root": "/", "workspace_members": ["a"],
            "packages": [
              {"id": "a", "name": "a", "version": "1.0.0", "license": null, "source": null, "dependencies": [], "targets": []},
              {"id": "b", "name": "b", "version": "1.0.0", "license": null, "source": null, "dependencies": [], "targets": []},
              {"id": "c", "name": "c", "version": "1.0.0", "license": null, "source": null, "dependencies": [], "targets": []}],
            "resolve": {"nodes": [
              {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}, {"pkg": "c", "dep_kinds": [{"kind": "dev"}]}]},
              {"id": "b", "deps": [{"pkg": "c", "dep_kinds": [{"kind": null}, {"kind": "dev"}]}]},
              {"id": "c", "deps": []}]}}"#;
        let metadata = Metadata::parse(text.as_bytes()).unwrap();
        let a = metadata.members().next().unwrap();
        assert_eq!(
            metadata.way(a, |name| name == "c").unwrap(),
            ["a", "b", "c"]
        );
        assert_eq!(metadata.way(a, |name| name == "a"), None);
    }
}
