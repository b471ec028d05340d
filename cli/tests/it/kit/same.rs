//! Documents that are compared, and told of in less than a screen where they differ.

use serde_json::Value;

/// Differences that are shown.
const SHOWN: usize = 5;

/// Bytes of a text that are shown at its beginning and at its end.
const ENDS: usize = 1_500;

/// Fails the test unless two documents are the same, and shows the first places where they differ.
#[track_caller]
pub(crate) fn same(found: &Value, expected: &Value) {
    let mut differences = Vec::new();
    differ("", found, expected, &mut differences);
    let count = differences.len();
    differences.truncate(SHOWN);
    assert!(
        count == 0,
        "{count} differences, among them:\n{}",
        differences.join("\n")
    );
}

/// Fails the test unless a document has each key of `expected` with its value.
#[track_caller]
pub(crate) fn holds(document: &Value, expected: Value) {
    for (key, value) in expected.as_object().unwrap() {
        let found = &document[key];
        assert!(
            found == value,
            "{key} is {}, not {}, in: {}",
            short(&found.to_string()),
            short(&value.to_string()),
            short(&document.to_string())
        );
    }
}

/// Fails the test unless a text contains each of these words.
#[track_caller]
pub(crate) fn contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {}", short(text));
    }
}

/// A text, or its beginning and its end where it is long.
pub(crate) fn short(text: &str) -> String {
    if text.len() <= 2 * ENDS {
        return text.to_owned();
    }
    let (head, tail) = (
        text.floor_char_boundary(ENDS),
        text.ceil_char_boundary(text.len() - ENDS),
    );
    format!(
        "{}\n[... {} bytes ...]\n{}",
        &text[..head],
        tail - head,
        &text[tail..]
    )
}

fn differ(path: &str, found: &Value, expected: &Value, differences: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let gone = theirs.keys().filter(|key| !ours.contains_key(*key));
            for key in ours.keys().chain(gone) {
                let path = format!("{path}.{key}");
                differ(&path, &found[key], &expected[key], differences);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (place, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                differ(&format!("{path}[{place}]"), ours, theirs, differences);
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => {
            let [ours, theirs] = [ours, theirs].map(|value| {
                let text = value.to_string();
                match text.char_indices().nth(200) {
                    Some((end, _)) => format!("{} ...", &text[..end]),
                    None => text,
                }
            });
            differences.push(format!("  {path}: {ours}\n    not {theirs}"));
        }
    }
}
