//! The store that a page shows.

use super::asked::Asked;
use crate::runs::Pair;
use crate::stores::Shelf;

/// The store that the viewer chose, or else the newest; and all stores of its kind that runs have used, the newest first.
pub(super) fn chosen_store(
    shelf: &Shelf,
    asked: &Asked,
    kind: impl Fn(Pair) -> String,
) -> (Option<String>, Vec<String>) {
    let mut known: Vec<String> = Vec::new();
    for store in shelf.pairs().into_iter().map(kind) {
        if !known.contains(&store) {
            known.push(store);
        }
    }
    let chosen = match asked.choice("in") {
        "" => known.first().cloned(),
        place => Some(place.to_owned()),
    };
    (chosen, known)
}
