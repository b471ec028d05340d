//! The shortest way between two things.

use std::collections::{BTreeMap, VecDeque};

/// The shortest way from `start` to a thing that is wanted, both included. It takes at least one step, so the wanted
/// thing may be `start` itself.
pub(crate) fn shortest<'a, T: Ord + ?Sized>(
    start: &'a T,
    next: impl Fn(&'a T) -> Vec<&'a T>,
    wanted: impl Fn(&T) -> bool,
) -> Option<Vec<&'a T>> {
    let mut came_from: BTreeMap<&T, &T> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for to in next(at) {
            if wanted(to) {
                let mut way = vec![to, at];
                while let Some(before) = came_from.get(way[way.len() - 1]) {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if to != start && !came_from.contains_key(to) {
                came_from.insert(to, at);
                queue.push_back(to);
            }
        }
    }
    None
}
