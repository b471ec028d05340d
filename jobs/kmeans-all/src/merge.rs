//! How contributions of several slices are added up, number by number.

/// Why two contributions do not merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    /// They are of different centers, columns or limits.
    Shape,
    /// A sum has no room left.
    Full,
}

/// Merges each of `other` into its counterpart among `own`; `merge` gives `None` where a sum is full.
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

/// Adds counts one to one.
pub(crate) fn add_counts(own: &mut [u64], other: &[u64]) -> Result<(), Clash> {
    merge_each(own, other, |own, other| {
        *own = own.checked_add(*other)?;
        Some(())
    })
}
