//! Adds up the results of several slices, number by number.

/// Why two results do not merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    /// They belong to different centers, columns or limits.
    Shape,
    /// A sum is full.
    Full,
}

/// Merges each item of `other` into the item of `own` at the same place. `merge` gives `None` when a sum is full.
pub(crate) fn merge_each<T>(
    own: &mut [T],
    other: &[T],
    merge: impl Fn(&mut T, &T) -> Option<()>,
) -> Result<(), Clash> {
    if own.len() != other.len() {
        return Err(Clash::Shape);
    }
    for (own, other) in own.iter_mut().zip(other) {
        merge(own, other).ok_or(Clash::Full)?;
    }
    Ok(())
}

/// Adds counts, each to the count at the same place.
pub(crate) fn add_counts(own: &mut [u64], other: &[u64]) -> Result<(), Clash> {
    merge_each(own, other, |own, other| {
        *own = own.checked_add(*other)?;
        Some(())
    })
}
