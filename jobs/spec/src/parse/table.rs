//! Tables and values of a parsed TOML text. They know where they stand, so every refusal can name the place.

use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::words::{cut, found, nearest};
use crate::{Error, Place};

/// The text and what it is called.
pub(super) struct Document<'t> {
    text: &'t str,
    origin: &'t str,
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str, origin: &'t str) -> Self {
        Self { text, origin }
    }

    /// The place of a byte.
    fn place(&self, at: usize) -> Place {
        let before = self
            .text
            .as_bytes()
            .get(..at)
            .unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        Place {
            origin: self.origin.to_owned(),
            line,
        }
    }

    /// The parser's error with our place.
    pub(super) fn syntax(&self, error: &toml::de::Error) -> Error {
        let at = error.span().map_or(0, |span| span.start);
        // The parser's messages may have several lines; ours have one.
        Error::Syntax {
            place: self.place(at),
            message: error.message().replace('\n', ", "),
        }
    }
}

/// A table all of whose keys are allowed.
pub(super) struct Table<'t> {
    document: &'t Document<'t>,
    /// The title as a header: `[source]`.
    title: String,
    at: usize,
    entries: &'t DeTable<'t>,
    allowed: Vec<&'static str>,
}

impl<'t> Table<'t> {
    /// Refuses the first key, in the file's order, that is not in `allowed`.
    pub(super) fn open(
        document: &'t Document<'t>,
        title: &str,
        at: usize,
        entries: &'t DeTable<'t>,
        allowed: &[&'static str],
    ) -> Result<Self, Error> {
        let table = Self {
            document,
            title: title.to_owned(),
            at,
            entries,
            allowed: allowed.to_vec(),
        };
        for entry in table.entries() {
            if !allowed.contains(&entry.name()) {
                let nearest = nearest(entry.name(), allowed);
                return Err(Error::UnknownKey {
                    place: document.place(entry.key_at),
                    key: cut(entry.name()).into(),
                    table: table.title.into(),
                    nearest,
                    allowed: allowed.into(),
                });
            }
        }
        Ok(table)
    }

    /// The entries in the order of the file.
    pub(super) fn entries(&self) -> Vec<Entry<'t>> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| self.entry(key, value))
            .collect();
        entries.sort_by_key(|entry| entry.key_at);
        entries
    }

    /// The entry of a key that may be absent.
    pub(super) fn get(&self, key: &'static str) -> Option<Entry<'t>> {
        debug_assert!(
            self.allowed.contains(&key),
            "{key} is read from {} but not allowed there",
            self.title
        );
        self.entries
            .get_key_value(key)
            .map(|(key, value)| self.entry(key, value))
    }

    /// The value of a key that may be absent.
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        value: impl FnOnce(&Entry<'t>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.get(key).map(|entry| value(&entry)).transpose()
    }

    /// The entry of a key that must be there.
    pub(super) fn need(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Entry<'t>, Error> {
        self.get(key).ok_or_else(|| Error::MissingKey {
            place: self.document.place(self.at),
            table: self.title.as_str().into(),
            key,
            expected,
        })
    }

    fn entry(&self, key: &'t Spanned<DeString<'t>>, value: &'t Spanned<DeValue<'t>>) -> Entry<'t> {
        Entry {
            document: self.document,
            table: self.title.clone(),
            name: key.get_ref(),
            key_at: key.span().start,
            value,
        }
    }
}

/// A key and its value, or an item of a list under the list's key.
#[derive(Clone)]
pub(super) struct Entry<'t> {
    document: &'t Document<'t>,
    table: String,
    name: &'t str,
    key_at: usize,
    value: &'t Spanned<DeValue<'t>>,
}

impl<'t> Entry<'t> {
    /// The key as text.
    pub(super) fn name(&self) -> &'t str {
        self.name
    }

    /// The key as it would be written: in quotes unless it is bare.
    pub(super) fn key(&self) -> String {
        let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !self.name.is_empty() && self.name.bytes().all(bare) {
            cut(self.name).into_owned()
        } else {
            format!("{:?}", cut(self.name))
        }
    }

    pub(super) fn value(&self) -> &'t DeValue<'t> {
        self.value.get_ref()
    }

    /// The error about a value that is not allowed. `expected` is a clause that says which values are allowed.
    pub(super) fn refuse(&self, expected: &dyn Display) -> Error {
        Error::Value {
            place: self.document.place(self.value.span().start),
            key: self.key().into(),
            table: self.table.as_str().into(),
            found: found(self.value()).into(),
            expected: expected.to_string().into(),
        }
    }

    /// The error about a text that is not one of the choices. It names the most similar choice.
    pub(super) fn not_one_of(&self, choices: &[&'static str]) -> Error {
        let near = self
            .value()
            .as_str()
            .and_then(|text| nearest(text, choices));
        let hint = near
            .map(|near| format!(", did you mean {near:?}"))
            .unwrap_or_default();
        self.refuse(&format!(
            "it must be one of \"{}\"{hint}",
            choices.join("\", \"")
        ))
    }

    pub(super) fn text(&self) -> Result<&'t str, Error> {
        self.value()
            .as_str()
            .ok_or_else(|| self.refuse(&"it must be text in quotes"))
    }

    /// Text that is more than blanks.
    pub(super) fn filled_text(&self) -> Result<&'t str, Error> {
        let text = self.text()?;
        if text.trim().is_empty() {
            return Err(self.refuse(&"it must not be empty"));
        }
        Ok(text)
    }

    pub(super) fn truth(&self) -> Result<bool, Error> {
        self.value()
            .as_bool()
            .ok_or_else(|| self.refuse(&"it must be true or false, without quotes"))
    }

    pub(super) fn integer(&self, least: i64, most: i64) -> Result<i64, Error> {
        let number = self
            .value()
            .as_integer()
            .and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(self.refuse(&format!("it must be a whole number from {least} to {most}"))),
        }
    }

    /// A finite number; whole ones may be written without a point.
    pub(super) fn number(&self, least: f64, most: f64) -> Result<f64, Error> {
        let number = match self.value() {
            DeValue::Float(n) => n.as_str().parse().ok(),
            DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
                .ok()
                .map(|n| n as f64),
            _ => None,
        };
        match number {
            Some(number) if f64::is_finite(number) && (least..=most).contains(&number) => {
                Ok(number)
            }
            _ if most == f64::MAX => {
                Err(self.refuse(&format!("it must be a finite number of at least {least}")))
            }
            _ => Err(self.refuse(&format!("it must be a number from {least} to {most}"))),
        }
    }

    /// One of several texts, turned into the value that the text stands for.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, Error> {
        let text = self.value().as_str();
        match choices.iter().find(|(name, _)| Some(*name) == text) {
            Some((_, value)) => Ok(*value),
            None => {
                Err(self.not_one_of(&choices.iter().map(|(name, _)| *name).collect::<Vec<_>>()))
            }
        }
    }

    /// The items of a list, each under this entry's key.
    pub(super) fn items(&self, expected: &str) -> Result<Vec<Entry<'t>>, Error> {
        let items = self
            .value()
            .as_array()
            .ok_or_else(|| self.refuse(&expected))?;
        Ok(items
            .iter()
            .map(|value| Entry {
                value,
                ..self.clone()
            })
            .collect())
    }

    /// A table with these keys and no others.
    pub(super) fn table(&self, title: &str, allowed: &[&'static str]) -> Result<Table<'t>, Error> {
        let entries = self
            .value()
            .as_table()
            .ok_or_else(|| self.refuse(&"it must be a table"))?;
        Table::open(
            self.document,
            title,
            self.value.span().start,
            entries,
            allowed,
        )
    }

    /// A table whose keys the user chooses.
    pub(super) fn any_table(&self, title: &str, expected: &str) -> Result<Table<'t>, Error> {
        let entries = self
            .value()
            .as_table()
            .ok_or_else(|| self.refuse(&expected))?;
        let at = self.value.span().start;
        Ok(Table {
            document: self.document,
            title: title.to_owned(),
            at,
            entries,
            allowed: Vec::new(),
        })
    }
}
