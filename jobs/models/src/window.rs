//! The key of a window, and the name of its folder.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The key of a window of rows, such as `2024-05` or `Hollywood`. Any text that fits in the name of a folder is a key.
///
/// In that name, bytes other than letters, digits, `-` and `.` are `_` and two hex digits. This is percent-encoding without
/// the percent sign, because urls, shells and object stores would encode that sign again.
///
/// ```
/// use gugus_models::WindowKey;
/// let key: WindowKey = "N Hollywood".parse()?;
/// assert_eq!(key.folder_name(), "window_N_20Hollywood");
/// assert_eq!(WindowKey::from_folder_name("window_N_20Hollywood"), Some(key));
/// # Ok::<(), gugus_models::NotAWindowKey>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WindowKey(String);

/// The beginning of a window's folder name. No other folder of a model begins like this.
const WINDOW: &str = "window_";

/// The longest encoded key. File systems allow 255 bytes, and a temporary name needs about sixty beside the key.
const LONGEST_KEY: usize = 180;

impl WindowKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `window_2024-05`
    pub fn folder_name(&self) -> String {
        format!("{WINDOW}{}", encoded(&self.0))
    }

    /// Reads a name that [`WindowKey::folder_name`] wrote; `None` for every other name.
    pub fn from_folder_name(name: &str) -> Option<Self> {
        let code = name.strip_prefix(WINDOW)?;
        let mut bytes = Vec::with_capacity(code.len());
        let mut left = code.bytes();
        while let Some(byte) = left.next() {
            if byte != b'_' {
                bytes.push(byte);
                continue;
            }
            let mut digit = || (left.next()? as char).to_digit(16);
            bytes.push((digit()? * 16 + digit()?) as u8);
        }
        let key = Self::try_from(String::from_utf8(bytes).ok()?).ok()?;
        // One key has one name. Otherwise two folders could claim the same window.
        (encoded(&key.0) == code).then_some(key)
    }
}

fn encoded(key: &str) -> String {
    let mut code = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') {
            code.push(byte as char);
        } else {
            code.push_str(&format!("_{byte:02X}"));
        }
    }
    code
}

impl fmt::Display for WindowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is no key of a window, because it is empty or too long for the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the window key {given:?} {rule}")]
pub struct NotAWindowKey {
    given: String,
    rule: &'static str,
}

impl TryFrom<String> for WindowKey {
    type Error = NotAWindowKey;

    fn try_from(text: String) -> Result<Self, NotAWindowKey> {
        let rule = if text.is_empty() {
            "is empty; make it null to leave rows out, or another text to keep them"
        } else if encoded(&text).len() > LONGEST_KEY {
            "is too long for the name of a folder, which holds 60 to 180 characters; shorten it in the SQL"
        } else {
            return Ok(Self(text));
        };
        // A key comes from data and may be long. A message has to be short.
        let given = text.chars().take(64).collect();
        Err(NotAWindowKey { given, rule })
    }
}

impl FromStr for WindowKey {
    type Err = NotAWindowKey;

    fn from_str(text: &str) -> Result<Self, NotAWindowKey> {
        Self::try_from(text.to_owned())
    }
}

impl From<WindowKey> for String {
    fn from(key: WindowKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_key_has_a_name_of_its_own(key in "\\PC{1,40}|[a-z_./\\\\ %~-]{1,40}") {
            if let Ok(key) = key.parse::<WindowKey>() {
                let name = key.folder_name();
                prop_assert!(name.len() <= WINDOW.len() + LONGEST_KEY);
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)), "{}", name);
                prop_assert_eq!(WindowKey::from_folder_name(&name), Some(key));
            }
        }

        #[test]
        fn any_name_that_is_a_windows_is_the_one_we_write(name in "window_([A-Za-z0-9.-]|_[0-9A-Fa-f]{2}|_){0,20}") {
            if let Some(key) = WindowKey::from_folder_name(&name) {
                prop_assert_eq!(key.folder_name(), name);
            }
        }
    }

    #[test]
    fn keys_neither_leave_nor_hide_nor_overflow() {
        let name = |key: &str| key.parse::<WindowKey>().map(|key| key.folder_name());
        assert_eq!(name("../x").unwrap(), "window_.._2Fx");
        assert_eq!(name("a_b").unwrap(), "window_a_5Fb");
        assert_eq!(name("Größe").unwrap(), "window_Gr_C3_B6_C3_9Fe");
        assert!(name(&"a".repeat(180)).is_ok() && name(&"ä".repeat(30)).is_ok());
        let long = name(&"a".repeat(100_000)).unwrap_err().to_string();
        assert!(long.contains("shorten it") && long.len() < 300, "{long}");
        assert!(name(&"ä".repeat(31)).is_err());
        assert!(name("").unwrap_err().to_string().contains("is empty"));
        for name in [
            "window_",
            "window_a_5fb",
            "window_a_",
            "window__FF",
            "window_a b",
            "windowa",
            "all",
        ] {
            assert_eq!(WindowKey::from_folder_name(name), None, "{name}");
        }
    }
}
