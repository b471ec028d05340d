//! Texts within links. No text leaves its place in the link.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may not stand in a part of a path or in a value behind `?`. Slashes and colons may stand in a value, so that a folder
/// can be read there.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'=')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b';');

/// A text as one part of a path.
#[must_use]
pub fn path_part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// A text as a value behind `?`.
#[must_use]
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_place_in_a_link() {
        assert_eq!(path_part("a/b?c#d e"), "a%2Fb%3Fc%23d%20e");
        assert_eq!(
            query_value("s3://bucket/a b&c=d#e+f%"),
            "s3://bucket/a%20b%26c%3Dd%23e%2Bf%25"
        );
        assert_eq!(query_value("\"><ä"), "%22%3E%3C%C3%A4");
    }
}
