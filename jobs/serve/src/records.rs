//! Cuts a body into its records, without parsing them.
//!
//! Each record stays as the bytes that came. So the same code parses it that parses a record of the topic: a number in a
//! column of text keeps its digits, and the last of two equal keys counts.

use gugus_records::{Reason, with_finite_numbers};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, de};

use crate::problem::{Code, Problem};

/// The content of a body.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    /// No array: one record, or no record at all, which its parser finds out.
    One(&'a [u8]),
    /// An array of records.
    Many(Elements<'a>),
}

impl<'a> Body<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        let body = without_mark(body);
        let trimmed = body.trim_ascii_start();
        match trimmed.first() {
            Some(b'[') => Self::Many(Elements {
                body,
                rest: &trimmed[1..],
                finite: None,
                state: Expect::First,
            }),
            _ => Self::One(body),
        }
    }
}

/// The elements of an array, one after the other.
#[derive(Debug)]
pub(crate) struct Elements<'a> {
    body: &'a [u8],
    rest: &'a [u8],
    /// The end of the body with numbers in place of `NaN` and `Infinity`, once such a value was found.
    finite: Option<String>,
    state: Expect,
}

#[derive(Debug)]
enum Expect {
    /// An element or the end.
    First,
    /// A comma and an element, or the end.
    Next,
    Nothing,
}

impl<'a> Elements<'a> {
    /// The rest of the body, from the next element on; none behind the last one. [`Self::take`] or [`Self::cut`] goes on.
    pub(crate) fn begin(&mut self) -> Option<Result<&'a [u8], Problem>> {
        let rest = self.rest.trim_ascii_start();
        let element = match (&self.state, rest.first()) {
            (Expect::Nothing, _) => return None,
            (Expect::First | Expect::Next, Some(b']')) => {
                self.state = Expect::Nothing;
                let after = rest[1..].trim_ascii_start();
                return (!after.is_empty()).then(|| Err(self.not_json()));
            }
            (Expect::First, Some(_)) => rest,
            (Expect::Next, Some(b',')) => &rest[1..],
            _ => return Some(Err(self.fail())),
        };
        self.rest = element;
        self.state = Expect::Next;
        Some(Ok(element))
    }

    /// The element that began, which somebody else found to be so long.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (element, rest) = self.rest.split_at(length);
        self.rest = rest;
        element
    }

    /// The element that began.
    pub(crate) fn cut(&mut self) -> Result<&'a [u8], Problem> {
        match self.length(self.rest) {
            Some(length) => Ok(self.take(length)),
            None => Err(self.fail()),
        }
    }
}

/// The length of the JSON value at the beginning of a text.
fn value_length(text: &[u8]) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// A text without a byte order mark, which some programs write.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

impl Elements<'_> {
    /// The length of the element at the beginning of a text, which is the end of the body. Its parser takes `NaN` and
    /// `Infinity`, so they do not break the array.
    fn length(&mut self, text: &[u8]) -> Option<usize> {
        if self.finite.is_none() {
            if let Some(length) = value_length(text) {
                return Some(length);
            }
            self.finite = Some(with_finite_numbers(str::from_utf8(text).ok()?)?);
        }
        let finite = self.finite.as_ref()?.as_bytes();
        value_length(finite.get(finite.len().checked_sub(text.len())?..)?)
    }

    fn fail(&mut self) -> Problem {
        self.state = Expect::Nothing;
        self.not_json()
    }

    /// The error of the array, with its place in the whole body.
    fn not_json(&self) -> Problem {
        let finite = str::from_utf8(self.body).ok().and_then(with_finite_numbers);
        let body = finite.as_deref().map_or(self.body, str::as_bytes);
        match serde_json::from_slice::<IgnoredAny>(body) {
            Err(error) => Problem::not_json(&error),
            Ok(_) => Problem::new(Code::NotJson, "the body is not a JSON array"),
        }
    }
}

/// The numbers of a record `{"features": [...]}`, which a model without named columns takes.
pub(crate) fn features(record: &[u8]) -> Result<Vec<f64>, Problem> {
    let text = str::from_utf8(without_mark(record)).map_err(|e| Reason::NotUtf8 {
        at: e.valid_up_to(),
    })?;
    if text.trim().is_empty() {
        return Err(Reason::Empty.into());
    }
    let wrong = |detail: String| Err(Problem::new(Code::WrongValue, detail));
    match serde_json::from_str::<Record>(text) {
        Err(error) if error.is_data() => wrong(format!("{error}; this model takes {WANTED}")),
        // serde_json's own text: a number that no f64 holds is a matter of its grammar.
        Err(error) if error.to_string().starts_with("number out of range") => Err(Problem::new(
            Code::NotFinite,
            format!("a number of the record is too large for a float64: {error}"),
        )),
        Err(error) => Err(Problem::not_json(&error)),
        Ok(Record(None)) => Err(Problem::new(
            Code::MissingField,
            format!("field \"features\" is missing; this model takes {WANTED}"),
        )),
        Ok(Record(Some(features))) => Ok(features),
    }
}

/// How a record of numbers looks.
const WANTED: &str = "{\"features\": [numbers]}";

/// The keys of a record, in its order; none if it is no object.
pub(crate) fn keys(record: &[u8]) -> Vec<String> {
    struct Keys;

    impl<'de> de::Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a record")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry()? {
                keys.push(key);
            }
            Ok(keys)
        }
    }

    let read = |text: &str| serde_json::Deserializer::from_str(text).deserialize_map(Keys);
    let text = str::from_utf8(without_mark(record)).unwrap_or_default();
    let finite = || with_finite_numbers(text).and_then(|finite| read(&finite).ok());
    read(text).ok().or_else(finite).unwrap_or_default()
}

/// `features` of a record; the last counts where there are two, and other keys do not count.
struct Record(Option<Vec<f64>>);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Record;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut features = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "features" {
                        features = map.next_value::<Option<Vec<f64>>>().map_err(|error| {
                            // Keeps the class of the error: only a wrong type is a matter of this field.
                            let text = error.to_string();
                            match text.strip_prefix("invalid type: ") {
                                Some(what) => {
                                    de::Error::custom(format!("field \"features\" holds {what}"))
                                }
                                None => error,
                            }
                        })?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Record(features))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(body: &str) -> Result<Vec<&str>, Problem> {
        match Body::new(body.as_bytes()) {
            Body::One(_) => panic!("{body} is no array"),
            Body::Many(mut elements) => {
                let mut found = Vec::new();
                while let Some(begun) = elements.begin() {
                    begun?;
                    found.push(str::from_utf8(elements.cut()?).unwrap().trim());
                }
                Ok(found)
            }
        }
    }

    #[test]
    fn an_array_is_cut_at_its_commas() {
        assert_eq!(elements("[]").unwrap(), Vec::<&str>::new());
        assert_eq!(elements(" [ ] ").unwrap(), Vec::<&str>::new());
        let body = r#" [ {"a": "],["} , 1.50,[2,[3]],"x" ,null ]"#;
        assert_eq!(
            elements(body).unwrap(),
            [r#"{"a": "],["}"#, "1.50", "[2,[3]]", "\"x\"", "null"]
        );
    }

    #[test]
    fn numbers_of_python_do_not_break_an_array() {
        let body = "\u{feff}[1, {\"a\": NaN, \"b\": \"NaN\"}, [-Infinity], 2]";
        let expected = ["1", "{\"a\": NaN, \"b\": \"NaN\"}", "[-Infinity]", "2"];
        assert_eq!(elements(body).unwrap(), expected);
        for body in ["[NaN", "[{\"a\": NaN]", "[NaNs]", "[1, NaN,]"] {
            let problem = serde_json::to_value(elements(body).unwrap_err()).unwrap();
            assert_eq!(problem["error"], "not_json", "{body}");
        }
    }

    #[test]
    fn what_is_no_array_is_refused_with_its_place() {
        for body in [
            "[", "[,]", "[1,]", "[1 2]", "[1", "[1,", "[{]", "[NaN", "[1]x", "[1],", "[]]", "[\"a]",
        ] {
            let problem = serde_json::to_value(elements(body).unwrap_err()).unwrap();
            assert_eq!(problem["error"], "not_json", "{body}");
            assert!(
                problem["detail"]
                    .as_str()
                    .unwrap()
                    .contains("line 1 column"),
                "{body}: {problem}"
            );
        }
    }

    #[test]
    fn an_array_may_be_deep_and_long() {
        let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(elements(&deep).unwrap().len(), 1);
        let long = format!("[{}1]", "1,".repeat(100_000));
        assert_eq!(elements(&long).unwrap().len(), 100_001);
    }

    #[test]
    fn keys_of_a_record() {
        let record = br#"{"a": {"b": 1}, "c\u00e4": [2], "a": null}"#;
        assert_eq!(keys(record), ["a", "c\u{e4}", "a"]);
        assert_eq!(keys("\u{feff}{\"a\": NaN}".as_bytes()), ["a"]);
        assert_eq!(keys(b"[1]"), [""; 0]);
    }

    fn code(record: &str) -> (String, String) {
        let problem = serde_json::to_value(features(record.as_bytes()).unwrap_err()).unwrap();
        (
            problem["error"].as_str().unwrap().to_owned(),
            problem["detail"].as_str().unwrap().to_owned(),
        )
    }

    #[test]
    fn numbers_of_a_record() {
        assert_eq!(
            features(br#"{"features": [1, -2.5e0]}"#).unwrap(),
            [1.0, -2.5]
        );
        assert_eq!(
            features(br#"{"features": [1], "x": [{"features": 3}], "features": [2]}"#).unwrap(),
            [2.0]
        );
    }

    #[test]
    fn wrong_records_of_numbers_name_the_field() {
        for (record, error, part) in [
            ("{}", "missing_field", "features"),
            (r#"{"features": null}"#, "missing_field", "features"),
            (r#"{"features": ["1"]}"#, "wrong_value", "features"),
            (r#"{"features": [null]}"#, "wrong_value", "features"),
            (r#"{"features": {"a": 1}}"#, "wrong_value", "features"),
            (
                r#"{"LAT": 1, "features": "1,2"}"#,
                "wrong_value",
                "features",
            ),
            ("3", "wrong_value", "features"),
            ("null", "wrong_value", "features"),
            (r#"{"features": [1e999]}"#, "not_finite", "too large"),
            (r#"{"features": [NaN]}"#, "not_json", "line 1"),
            (r#"{"features": [1]"#, "not_json", "line 1"),
            (r#"{"features": [1]} x"#, "not_json", "line 1"),
            ("", "not_json", "empty"),
            ("  ", "not_json", "empty"),
        ] {
            let (code, detail) = code(record);
            assert_eq!(code, error, "{record}: {detail}");
            assert!(detail.contains(part), "{record}: {detail}");
        }
    }
}
