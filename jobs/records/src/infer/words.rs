//! Words that say something about a column: texts that stand for no value, and names of instants.

/// The texts by which programs write "no value". `NaN` is not among them: it is a float.
const NULL_VALUES: [&str; 10] = [
    "NULL", "Null", "null", "NA", "N/A", "n/a", "None", "none", "\\N", "?",
];

/// The words in a name of a column that holds instants.
const OF_TIME: [&str; 11] = [
    "time",
    "timestamp",
    "datetime",
    "date",
    "ts",
    "at",
    "epoch",
    "created",
    "updated",
    "modified",
    "when",
];

/// The text, if it may mean "no value".
pub(super) fn null_value(text: &str) -> Option<&'static str> {
    NULL_VALUES.into_iter().find(|null| *null == text)
}

/// Whether a name (`event_time`, `createdAt`) has one of the words of instants.
pub(super) fn is_of_time(name: &str) -> bool {
    let mut word = String::new();
    let mut before = ' ';
    for c in name.chars().chain([' ']) {
        let is_hump = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || is_hump {
            if OF_TIME.contains(&word.as_str()) {
                return true;
            }
            word.clear();
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    false
}
