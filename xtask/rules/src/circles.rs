//! No circle of files inside a crate.
//!
//! Files that import each other can be understood, tested and moved only together. An arrow goes from a file to each
//! file that defines a name which it uses. `mod x;` is no arrow, nor is a re-export of a parent: they show what there
//! is and use nothing. Code that only tests see does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemUse, Macro, Visibility};

use crate::metadata::Metadata;
use crate::modules::{self, Modules, Place, Used};
use crate::names::Found;
use crate::words;

/// A file, a file that it uses, and the names by which it does.
type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// What is broken, ready to be read.
pub(crate) fn check(metadata: &Metadata) -> Result<Vec<String>, String> {
    let mut broken = Vec::new();
    for package in metadata.members() {
        for target in &package.targets {
            if !target
                .kind
                .iter()
                .any(|kind| kind == "lib" || kind == "bin")
            {
                continue;
            }
            let arrows = arrows(&Modules::read(&target.src_path)?);
            for knot in knots(&arrows) {
                broken.push(describe(&target.name, &metadata.root, &arrows, &knot));
            }
        }
    }
    Ok(broken)
}

fn arrows(modules: &Modules) -> Arrows {
    let mut arrows = Arrows::new();
    for (place, module) in &modules.by_place {
        let mut reader = Reader {
            modules,
            place,
            file: &module.file,
            arrows: &mut arrows,
        };
        for item in &module.items {
            reader.visit_item(item);
        }
    }
    arrows
}

/// Goes through the code of one module and notes what it uses.
struct Reader<'a> {
    modules: &'a Modules,
    place: &'a Place,
    file: &'a Path,
    arrows: &'a mut Arrows,
}

impl Reader<'_> {
    fn path(&mut self, path: &[String]) {
        let found = match path {
            [] => None,
            [name] => self.modules.resolve_name(self.place, name),
            path => self.modules.resolve(self.place, path),
        };
        self.note(found);
    }

    /// A module that is only named is no arrow: what is used of it is named where it is used.
    fn note(&mut self, found: Option<Found>) {
        let Some(Found::Item(place, name)) = found else {
            return;
        };
        let Some(file) = self.modules.file_of(&place) else {
            return;
        };
        if file != self.file {
            let from = self.arrows.entry(self.file.to_owned()).or_default();
            from.entry(file.to_owned()).or_default().insert(name);
        }
    }

    /// Paths of at least two words in code that a macro will read.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(word) if colons == 2 && !path.is_empty() => {
                    path.push(word.to_string());
                    colons = 0;
                }
                other => {
                    self.words(&mut path);
                    colons = 0;
                    match other {
                        TokenTree::Ident(word) => path.push(word.to_string()),
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.words(&mut path);
    }

    fn words(&mut self, path: &mut Vec<String>) {
        if path.len() > 1 {
            self.path(path);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !modules::is_for_tests(modules::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !modules::is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, using: &'ast ItemUse) {
        let shows = !matches!(using.vis, Visibility::Inherited);
        for used in modules::paths(&using.tree) {
            let Used::Name { path, .. } = used else {
                continue;
            };
            let found = self.modules.resolve(self.place, &path);
            let below =
                matches!(&found, Some(Found::Item(place, _)) if place.starts_with(self.place));
            if !(shows && below) {
                self.note(found);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let words: Vec<String> = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            self.path(&words);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }
}

/// Groups of files each of which reaches each other one.
fn knots(arrows: &Arrows) -> Vec<BTreeSet<PathBuf>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = arrows
        .keys()
        .map(|file| (file.as_path(), reach(arrows, file)))
        .collect();
    let mut knots: BTreeSet<BTreeSet<PathBuf>> = BTreeSet::new();
    for (file, all) in &reached {
        if all.contains(file) {
            let knot = all
                .iter()
                .filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)));
            knots.insert(knot.map(|file| (*file).to_owned()).collect());
        }
    }
    knots.into_iter().collect()
}

fn reach<'a>(arrows: &'a Arrows, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Path> = used(arrows, from).collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(used(arrows, file));
        }
    }
    reached
}

fn used<'a>(arrows: &'a Arrows, file: &Path) -> impl Iterator<Item = &'a Path> {
    let used = arrows.get(file).into_iter().flatten();
    used.map(|(file, _)| file.as_path())
}

/// The shortest circle that goes through a file.
fn circle<'a>(arrows: &'a Arrows, start: &'a Path) -> Option<Vec<&'a Path>> {
    let mut came_from: BTreeMap<&Path, &Path> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for used in used(arrows, file) {
            if used == start {
                let mut circle = vec![file];
                while let Some(before) = came_from.get(circle[circle.len() - 1]) {
                    circle.push(before);
                }
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(used) {
                came_from.insert(used, file);
                next.push_back(used);
            }
        }
    }
    None
}

/// More names than these say no more.
const NAMES: usize = 6;

fn describe(target: &str, root: &Path, arrows: &Arrows, knot: &BTreeSet<PathBuf>) -> String {
    let name = |file: &Path| {
        let name = file.strip_prefix(root).unwrap_or(file);
        name.display().to_string()
    };
    let line = |from: &Path, to: &Path| {
        let names = arrows.get(from).and_then(|used| used.get(to));
        let all: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        let more = match all.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = all[..all.len().min(NAMES)].join(", ");
        format!("  {} uses {names}{more} of {}\n", name(from), name(to))
    };
    let circles = knot.iter().filter_map(|file| circle(arrows, file));
    let shortest = circles.min_by_key(Vec::len).unwrap_or_default();
    let round: Vec<(&Path, &Path)> = shortest
        .iter()
        .zip(shortest.iter().cycle().skip(1))
        .map(|(from, to)| (*from, *to))
        .collect();

    let mut text = format!("circle of files in {target}:\n");
    for (from, to) in &round {
        text.push_str(&line(from, to));
    }
    if knot.len() > round.len() {
        let count = words::plural(knot.len(), "file");
        text.push_str(&format!(
            "  this is the shortest of a knot of {count}, whose other arrows are:\n"
        ));
        for from in knot {
            for to in used(arrows, from).filter(|to| knot.contains(*to)) {
                if !round.contains(&(from.as_path(), to)) {
                    text.push_str("  ");
                    text.push_str(&line(from, to));
                }
            }
        }
    }
    text.push_str(
        "  move the names of one arrow to a file below both, or hand over what is needed as a value or a trait",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The knots of a crate of these files, as text.
    fn told(files: &[(&str, &str)]) -> String {
        let folder = std::env::temp_dir().join(format!(
            "xtask-rules-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let arrows = arrows(&Modules::read(&folder.join("lib.rs")).unwrap());
        let told = knots(&arrows)
            .iter()
            .map(|knot| describe("it", &folder, &arrows, knot))
            .collect();
        std::fs::remove_dir_all(folder).unwrap();
        told
    }

    #[test]
    fn two_files_that_use_each_other_are_a_circle_with_the_names() {
        let told = told(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::{B, self}; pub struct A(B);"),
            (
                "b.rs",
                "pub struct B; fn f() { format!(\"{}\", super::a::A::new(g())); }",
            ),
        ]);
        assert!(told.contains("a.rs uses B of b.rs\n"), "{told}");
        assert!(told.contains("b.rs uses A of a.rs\n"), "{told}");
    }

    #[test]
    fn a_child_that_uses_its_parent_is_a_circle_only_when_the_parent_uses_the_child() {
        let child = ("a/child.rs", "use super::Parent; pub struct Child(Parent);");
        let shown = "mod child; pub use child::Child; pub struct Parent;";
        assert_eq!(told(&[("lib.rs", "mod a;"), ("a.rs", shown), child]), "");
        let using = format!("{shown} fn f() -> Child {{ todo!() }}");
        let told = told(&[("lib.rs", "mod a;"), ("a.rs", &using), child]);
        assert!(told.contains("a.rs uses Child of a/child.rs\n"), "{told}");
        assert!(told.contains("a/child.rs uses Parent of a.rs\n"), "{told}");
    }

    #[test]
    fn a_name_that_comes_through_a_re_export_counts_for_the_file_that_defines_it() {
        let told = told(&[
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
            ("a/mod.rs", "mod deep; pub use deep::A;"),
            ("a/deep.rs", "use crate::B; pub struct A(B);"),
            ("b.rs", "pub struct B(crate::A);"),
        ]);
        assert!(told.contains("a/deep.rs uses B of b.rs\n"), "{told}");
        assert!(told.contains("b.rs uses A of a/deep.rs\n"), "{told}");
    }

    #[test]
    fn what_only_tests_see_is_no_arrow() {
        let told = told(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "pub struct A; #[cfg(test)] use crate::b::B; #[cfg(test)] mod tests { use crate::b::B; }",
            ),
            ("b.rs", "pub struct B(crate::a::A);"),
        ]);
        assert_eq!(told, "");
    }

    #[test]
    fn a_long_way_round_is_told_by_its_shortest_circle() {
        let told = told(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub fn f() { crate::b::f() }"),
            ("b.rs", "pub fn f() { crate::c::f() }"),
            ("c.rs", "use crate::a; pub fn f() { a::f(); crate::b::f() }"),
        ]);
        assert!(told.contains("b.rs uses f of c.rs\n  c.rs uses f of b.rs\n  this is the shortest of a knot of 3 files"), "{told}");
        assert!(told.contains("    a.rs uses f of b.rs\n"), "{told}");
    }
}
