//! The text of a JSON string with escapes.

use std::fmt;

use serde::de::{Deserializer, Visitor};

/// Writes the text of a JSON string, quotes included, over `into`.
pub(crate) fn unescape(json: &str, into: &mut String) -> Result<(), String> {
    into.clear();
    serde_json::Deserializer::from_str(json)
        .deserialize_str(Unescape(into))
        .map_err(|e| e.to_string())
}

struct Unescape<'s>(&'s mut String);

impl Visitor<'_> for Unescape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}
