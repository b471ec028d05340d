//! How messages show keys and values.

use std::borrow::Cow;

use toml::de::DeValue;

/// How many characters of a value a message repeats.
const LONGEST_SHOWN: usize = 64;

/// How similar an unknown key and an allowed key must be, from 0 to 1, to be taken for a typing mistake.
///
/// At 0.5 half of the letters may be wrong, and `rows` would be offered for `role`; at 0.7 `colum` is still found.
const LIKE_ENOUGH: f64 = 0.6;

/// The allowed text that is most similar to this one, if any is similar enough. Case and separators do not count, so
/// Spark's `maxIter` finds `max_iter`.
pub fn nearest<'a>(text: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .take(LONGEST_SHOWN)
            .collect()
    };
    let text = plain(text);
    allowed
        .iter()
        .map(|&candidate| {
            (
                strsim::normalized_damerau_levenshtein(&text, &plain(candidate)),
                candidate,
            )
        })
        .filter(|(like, _)| *like >= LIKE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// A value as a message shows it.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {:?}", cut(text)),
        DeValue::Integer(number) => cut(number.as_str()).into_owned(),
        DeValue::Float(number) => cut(number.as_str()).into_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => format!("the date {time}"),
        DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// The text, cut to what a message can hold.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}
