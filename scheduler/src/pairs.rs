//! Names with values, as they stand in a path, behind `?` and in a form.

/// All pairs, in their order.
pub(crate) type Pairs = Vec<(String, String)>;

/// The value of a name; empty where the name is missing.
pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}
