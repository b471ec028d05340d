//! The choices behind `?`.

/// All choices, in the order of the URL.
pub(super) type Choices = Vec<(String, String)>;

/// The text of one; empty where it was not made.
pub(super) fn choice<'a>(choices: &'a [(String, String)], name: &str) -> &'a str {
    let made = choices.iter().find(|(known, _)| known == name);
    made.map_or("", |(_, value)| value)
}
