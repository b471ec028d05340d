//! No circle of files inside a crate.
//!
//! Files that import each other can be understood, tested and moved only together. An arrow goes from a file to each
//! file that defines a name which it uses. `mod x;` is no arrow, nor is a re-export of a parent: they show what there
//! is and use nothing. Code that only tests see does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemUse, Macro, Visibility};

use crate::metadata::Metadata;
use crate::modules::{self, Found, Modules, Place};
use crate::ways::shortest;

/// A file, a file that it uses, and the names by which it does.
type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// What is broken, ready to be read.
pub(crate) fn check(metadata: &Metadata) -> Result<Vec<String>, String> {
    let mut broken = Vec::new();
    for target in metadata.members().flat_map(|package| &package.targets) {
        if target
            .kind
            .iter()
            .any(|kind| kind == "lib" || kind == "bin")
        {
            let arrows = arrows(&Modules::read(&target.src_path)?);
            broken.extend(circles(&target.name, &metadata.root, &arrows));
        }
    }
    Ok(broken)
}

fn arrows(modules: &Modules) -> Arrows {
    let mut arrows = Arrows::new();
    for (place, module) in &modules.by_place {
        let file = &module.file;
        let mut reader = Reader {
            modules,
            place,
            file,
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
        self.note(self.modules.resolve(self.place, path));
    }

    /// A module that is only named is no arrow: what is used of it is named where it is used.
    fn note(&mut self, found: Option<Found>) {
        let Some(Found::Item(place, name)) = found else {
            return;
        };
        if let Some(used) = self.modules.by_place.get(&place)
            && used.file != self.file
        {
            let from = self.arrows.entry(self.file.to_owned()).or_default();
            from.entry(used.file.clone()).or_default().insert(name);
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
        for (_, path) in modules::leaves(&using.tree) {
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
            let words = path.segments.iter().map(|word| word.ident.to_string());
            self.path(&words.collect::<Vec<_>>());
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

/// Names of an arrow that are told.
const NAMES: usize = 6;

/// For each file the shortest circle that goes through it, each circle once, ready to be read.
fn circles(target: &str, root: &Path, arrows: &Arrows) -> Vec<String> {
    let used = |file: &Path| {
        let used = arrows.get(file).into_iter().flatten();
        used.map(|(file, _)| file.as_path()).collect::<Vec<_>>()
    };
    let mut circles: BTreeMap<BTreeSet<&Path>, Vec<&Path>> = BTreeMap::new();
    for file in arrows.keys() {
        if let Some(circle) = shortest(file.as_path(), used, |other| other == file) {
            circles
                .entry(circle.iter().copied().collect())
                .or_insert(circle);
        }
    }
    let name = |file: &Path| {
        file.strip_prefix(root)
            .unwrap_or(file)
            .display()
            .to_string()
    };
    let line = |from: &Path, to: &Path| {
        let names = arrows[from][to].iter().take(NAMES).map(String::as_str);
        let names = names.collect::<Vec<_>>().join(", ");
        format!("  {} uses {names} of {}\n", name(from), name(to))
    };
    let told = circles.values().map(|circle| {
        let lines: String = circle.windows(2).map(|pair| line(pair[0], pair[1])).collect();
        format!(
            "circle of files in {target}:\n{lines}  move the names of one arrow to a file below both, or hand over what is \
             needed as a value or a trait"
        )
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate of these files, as text.
    fn told(files: &[(&str, &str)]) -> String {
        let thread = std::thread::current().id();
        let folder = format!("xtask-rules-{}-{thread:?}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let arrows = arrows(&Modules::read(&folder.join("lib.rs")).unwrap());
        let told = circles("it", &folder, &arrows).concat();
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
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
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
    fn a_glob_counts_as_a_use_of_its_file() {
        let told = told(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::*; pub struct A(B);"),
            ("b.rs", "pub struct B(crate::a::A);"),
        ]);
        assert!(told.contains("a.rs uses * of b.rs\n"), "{told}");
    }

    #[test]
    fn each_file_is_told_by_its_shortest_circle() {
        let told = told(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub fn f() { crate::b::f() }"),
            ("b.rs", "pub fn f() { crate::c::f() }"),
            ("c.rs", "use crate::a; pub fn f() { a::f(); crate::b::f() }"),
        ]);
        let short = "b.rs uses f of c.rs\n  c.rs uses f of b.rs\n";
        let long = "a.rs uses f of b.rs\n  b.rs uses f of c.rs\n  c.rs uses f of a.rs\n";
        assert!(told.contains(short) && told.contains(long), "{told}");
    }
}
