//! The modules of one target: which file each lies in, and which names it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, Meta, UseTree};

/// A module's place in its crate: `["a", "b"]` for `crate::a::b`.
pub(crate) type Place = Vec<String>;

/// All modules of a target.
#[derive(Default)]
pub(crate) struct Modules {
    pub(crate) by_place: BTreeMap<Place, Module>,
}

/// A module: a file, or a block `mod x { … }` in one.
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// What stands in it, without its submodules and without what only tests see.
    pub(crate) items: Vec<Item>,
    /// Names that it defines itself.
    pub(crate) defined: Vec<String>,
    /// Names that it has from elsewhere, by `use`.
    pub(crate) aliases: BTreeMap<String, Vec<String>>,
    /// Modules or enums of which it has all names.
    pub(crate) globs: Vec<Vec<String>>,
}

impl Modules {
    /// Reads a target, beginning with its first file.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut modules = Self::default();
        let below = root.parent().unwrap_or(Path::new("")).to_owned();
        modules.file(root, &below, Vec::new())?;
        Ok(modules)
    }

    /// `below` is the folder that the file's own modules lie in.
    fn file(&mut self, path: &Path, below: &Path, place: Place) -> Result<(), String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let file =
            syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))?;
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
            items: Vec::new(),
            defined: Vec::new(),
            aliases: BTreeMap::new(),
            globs: Vec::new(),
        };
        for item in items {
            if is_for_tests(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(submodule) => self.submodule(submodule, path, below, &place)?,
                item => {
                    if let Item::Use(using) = &item {
                        for used in paths(&using.tree) {
                            match used {
                                Used::Name { path, name } => {
                                    module.aliases.insert(name, path);
                                }
                                Used::All(path) => module.globs.push(path),
                            }
                        }
                    }
                    module.defined.extend(defined(&item));
                    module.items.push(item);
                }
            }
        }
        self.by_place.insert(place, module);
        Ok(())
    }

    fn submodule(
        &mut self,
        submodule: ItemMod,
        path: &Path,
        below: &Path,
        parent: &Place,
    ) -> Result<(), String> {
        let name = submodule.ident.to_string();
        let below_it = below.join(&name);
        let mut place = parent.clone();
        place.push(name.clone());
        if let Some((_, items)) = submodule.content {
            return self.module(items, path, &below_it, place);
        }
        if let Some(named) = named_path(&submodule.attrs) {
            let folder = path.parent().unwrap_or(Path::new(""));
            let file = folder.join(named);
            let below = file.parent().unwrap_or(folder).to_owned();
            return self.file(&file, &below, place);
        }
        let flat = below.join(format!("{name}.rs"));
        let file = if flat.is_file() {
            flat
        } else {
            below_it.join("mod.rs")
        };
        self.file(&file, &below_it, place)
    }
}

/// What one leaf of a `use` brings.
pub(crate) enum Used {
    Name { path: Vec<String>, name: String },
    All(Vec<String>),
}

/// The leaves of a `use`.
pub(crate) fn paths(tree: &UseTree) -> Vec<Used> {
    let mut used = Vec::new();
    leaves(tree, &mut Vec::new(), &mut used);
    used
}

fn leaves(tree: &UseTree, before: &mut Vec<String>, used: &mut Vec<Used>) {
    let mut name = |before: &[String], last: String, known_as: String| {
        let mut path = before.to_vec();
        // `use a::{self}` brings `a`.
        let known_as = if last == "self" && known_as == "self" {
            path.last().cloned().unwrap_or_default()
        } else {
            known_as
        };
        if last != "self" || path.is_empty() {
            path.push(last);
        }
        used.push(Used::Name {
            path,
            name: known_as,
        });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before, used);
            before.pop();
        }
        UseTree::Name(leaf) => name(before, leaf.ident.to_string(), leaf.ident.to_string()),
        UseTree::Rename(leaf) => name(before, leaf.ident.to_string(), leaf.rename.to_string()),
        UseTree::Glob(_) => used.push(Used::All(before.clone())),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, before, used);
            }
        }
    }
}

fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
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

fn named_path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let syn::Expr::Lit(value) = &pair.value else {
            return None;
        };
        match &value.lit {
            syn::Lit::Str(text) if pair.path.is_ident("path") => Some(text.value()),
            _ => None,
        }
    })
}
