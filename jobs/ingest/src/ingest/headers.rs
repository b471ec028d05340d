//! The headers of a record as JSON.

use rdkafka::Message;
use rdkafka::message::Headers;
use serde_json::{Map, Value, json};

/// One object of the headers, in their order. A name that comes several times has an array of its values. Bytes that are not
/// UTF-8 are an object with the member `base64`. `None` if there are no headers.
pub(super) fn headers_as_json(message: &impl Message) -> Option<String> {
    let headers = message.headers()?;
    let pairs = headers.iter().map(|header| (header.key, header.value));
    object(pairs)
}

fn object<'h>(headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>) -> Option<String> {
    let mut values: Vec<(&str, Vec<Value>)> = Vec::new();
    for (name, value) in headers {
        let value = value.map_or(Value::Null, text);
        match values.iter_mut().find(|(other, _)| *other == name) {
            Some((_, all)) => all.push(value),
            None => values.push((name, vec![value])),
        }
    }
    let member = |(name, mut values): (&str, Vec<Value>)| {
        let value = match values.len() {
            1 => values.remove(0),
            _ => Value::Array(values),
        };
        (name.to_owned(), value)
    };
    let object: Map<_, _> = values.into_iter().map(member).collect();
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

fn text(bytes: &[u8]) -> Value {
    use base64::Engine;
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({ "base64": base64::prelude::BASE64_STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_there() {
        let headers: [(&str, Option<&[u8]>); 5] = [
            ("source", Some(b"web")),
            ("hop", Some(b"a")),
            ("hop", Some(b"b")),
            ("empty", None),
            ("raw", Some(b"\xff")),
        ];
        let expected = json!({
            "source": "web", "hop": ["a", "b"], "empty": null, "raw": { "base64": "/w==" },
        });
        let text = object(headers.into_iter()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(object(std::iter::empty()), None);
    }
}
