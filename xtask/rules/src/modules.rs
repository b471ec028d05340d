//! The modules of one target: which file each lies in, and which file defines what a path names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Meta, UseTree};

/// A module's place in its crate: `["a", "b"]` for `crate::a::b`.
pub(crate) type Place = Vec<String>;

/// All modules of a target.
#[derive(Default)]
pub(crate) struct Modules {
    pub(crate) by_place: BTreeMap<Place, Module>,
}

/// A module: a file, or a block `mod x { … }` in one.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// What stands in it, without its submodules and without what only tests see.
    pub(crate) items: Vec<Item>,
    /// Names that it has from elsewhere, by `use`.
    aliases: BTreeMap<String, Vec<String>>,
}

/// What a path of code leads to.
pub(crate) enum Found {
    Module(Place),
    /// A name that a module defines.
    Item(Place, String),
}

/// Re-exports of re-exports are followed this far. It ends the search where two of them name each other.
const DEPTH: usize = 32;

impl Modules {
    /// Reads a target, beginning with its first file.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut modules = Self::default();
        let below = root.parent().unwrap_or(Path::new(""));
        modules.file(root, below, Place::new())?;
        Ok(modules)
    }

    /// `below` is the folder that the file's own modules lie in.
    fn file(&mut self, path: &Path, below: &Path, place: Place) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| said(&error))?;
        let file = syn::parse_file(&text).map_err(|error| said(&error))?;
        self.module(file.items, path, below, place)
    }

    fn module(
        &mut self,
        items: Vec<Item>,
        path: &Path,
        below: &Path,
        place: Place,
    ) -> Result<(), String> {
        let mut module = Module {
            file: path.to_owned(),
            ..Module::default()
        };
        for item in items
            .into_iter()
            .filter(|item| !is_for_tests(attributes(item)))
        {
            let Item::Mod(submodule) = item else {
                if let Item::Use(using) = &item {
                    module.aliases.extend(leaves(&using.tree));
                }
                module.items.push(item);
                continue;
            };
            let name = submodule.ident.to_string();
            let (flat, below) = (below.join(format!("{name}.rs")), below.join(&name));
            let place = [place.as_slice(), &[name]].concat();
            match submodule.content {
                Some((_, items)) => self.module(items, path, &below, place)?,
                None if flat.is_file() => self.file(&flat, &below, place)?,
                None => self.file(&below.join("mod.rs"), &below, place)?,
            }
        }
        self.by_place.insert(place, module);
        Ok(())
    }

    /// What a path that stands in the module `place` leads to; nothing where it leads out of the crate.
    pub(crate) fn resolve(&self, place: &Place, path: &[String]) -> Option<Found> {
        self.resolve_within(place, path, DEPTH)
    }

    fn resolve_within(&self, place: &Place, path: &[String], depth: usize) -> Option<Found> {
        let depth = depth.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Place::new(),
            "self" => place.clone(),
            "super" => parent(place)?,
            name => match self.look_up(place, name, depth)? {
                Found::Module(place) => place,
                item => return Some(item),
            },
        };
        while let Some((name, after)) = rest.split_first() {
            rest = after;
            if name == "super" {
                at = parent(&at)?;
                continue;
            }
            match self.look_up(&at, name, depth) {
                Some(Found::Module(place)) => at = place,
                Some(item) => return Some(item),
                // The module that the path names defines it.
                None => return Some(Found::Item(at, name.clone())),
            }
        }
        Some(Found::Module(at))
    }

    /// A submodule, or what a `use` of the module brings.
    fn look_up(&self, place: &Place, name: &str, depth: usize) -> Option<Found> {
        let below = [place.as_slice(), &[name.to_owned()]].concat();
        if self.by_place.contains_key(&below) {
            return Some(Found::Module(below));
        }
        let path = self.by_place.get(place)?.aliases.get(name)?;
        // `use tokio::time` has no `tokio` in the crate to find, and `use time` must not find itself.
        (path.as_slice() != [name]).then(|| self.resolve_within(place, path, depth))?
    }
}

fn parent(place: &Place) -> Option<Place> {
    let (_, above) = place.split_last()?;
    Some(above.to_vec())
}

/// The names that a `use` brings, each with its path. A glob brings the name `*`.
pub(crate) fn leaves(tree: &UseTree) -> Vec<(String, Vec<String>)> {
    match tree {
        UseTree::Path(path) => {
            let first = path.ident.to_string();
            let mut below = leaves(&path.tree);
            for (name, path) in &mut below {
                // `use a::{self}` brings `a`.
                if name == "self" {
                    name.clone_from(&first);
                }
                path.insert(0, first.clone());
                path.pop_if(|last| last == "self");
            }
            below
        }
        UseTree::Name(leaf) => vec![(leaf.ident.to_string(), vec![leaf.ident.to_string()])],
        UseTree::Rename(leaf) => vec![(leaf.rename.to_string(), vec![leaf.ident.to_string()])],
        UseTree::Glob(_) => vec![("*".to_owned(), vec!["*".to_owned()])],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether something is compiled for tests alone: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test")
        }
        _ => false,
    })
}
