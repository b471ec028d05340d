//! Which file defines what a path names: `crate::a::B` may reach its file through any number of re-exports.

use std::path::Path;

use crate::modules::{Module, Modules, Place};

/// What a path of code leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Module(Place),
    /// A name that the module defines.
    Item(Place, String),
}

/// Re-exports of re-exports are followed this far. It ends the search where two globs name each other.
const DEPTH: usize = 32;

impl Modules {
    /// What a path that stands in the module `place` leads to; nothing where it leads out of the crate.
    pub(crate) fn resolve(&self, place: &Place, path: &[String]) -> Option<Found> {
        self.resolve_within(place, path, DEPTH)
    }

    /// What a name that stands alone in the code of the module `place` leads to. A module it cannot mean.
    pub(crate) fn resolve_name(&self, place: &Place, name: &str) -> Option<Found> {
        match self.look_up(place, name, DEPTH)? {
            Found::Module(_) => None,
            item => Some(item),
        }
    }

    pub(crate) fn file_of(&self, place: &Place) -> Option<&Path> {
        let module = self.by_place.get(place)?;
        Some(&module.file)
    }

    fn resolve_within(&self, place: &Place, path: &[String], depth: usize) -> Option<Found> {
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
                // A macro may have made it: the module that the path names is the best guess.
                None => return Some(Found::Item(at, name.clone())),
            }
        }
        Some(Found::Module(at))
    }

    fn look_up(&self, place: &Place, name: &str, depth: usize) -> Option<Found> {
        let depth = depth.checked_sub(1)?;
        let module = self.by_place.get(place)?;
        if module.defines(name) {
            return Some(Found::Item(place.clone(), name.to_owned()));
        }
        let mut below = place.clone();
        below.push(name.to_owned());
        if self.by_place.contains_key(&below) {
            return Some(Found::Module(below));
        }
        if let Some(path) = module.aliases.get(name) {
            // `use tokio::time` has no `tokio` in the crate to find, and `use time` must not find itself.
            return (path.as_slice() != [name])
                .then(|| self.resolve_within(place, path, depth))
                .flatten();
        }
        module.globs.iter().find_map(|path| {
            let Found::Module(from) = self.resolve_within(place, path, depth)? else {
                return None;
            };
            (from != *place)
                .then(|| self.look_up(&from, name, depth))
                .flatten()
        })
    }
}

impl Module {
    fn defines(&self, name: &str) -> bool {
        self.defined.iter().any(|defined| defined == name)
    }
}

fn parent(place: &Place) -> Option<Place> {
    let (_, above) = place.split_last()?;
    Some(above.to_vec())
}
