//! Numbers and ids that must not be mixed up with other numbers and text.

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Serialize};

/// The number of a batch: 1, 2, 3, …
///
/// ```
/// use gugus_store::BatchNumber;
/// let number = BatchNumber::FIRST.next();
/// assert_eq!(number.file_name(), "batch_00000002.parquet");
/// assert_eq!(BatchNumber::from_file_name("batch_00000002.parquet"), Some(number));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchNumber(NonZeroU64);

/// Digits in a name: enough that names sort like numbers for a hundred million batches. Beyond that they grow.
const DIGITS: usize = 8;

impl BatchNumber {
    /// The number of a log's first batch.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// `None` for 0.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number itself, 1 or more.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// `batch_00000001.parquet`
    pub fn file_name(self) -> String {
        format!("{}.parquet", self.folder_name())
    }

    /// `batch_00000001`
    pub fn folder_name(self) -> String {
        format!("batch_{:0DIGITS$}", self.0)
    }

    /// Reads what [`BatchNumber::file_name`] wrote; `None` for every other name.
    pub fn from_file_name(name: &str) -> Option<Self> {
        Self::from_folder_name(name.strip_suffix(".parquet")?)
    }

    /// Reads what [`BatchNumber::folder_name`] wrote; `None` for every other name.
    pub fn from_folder_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("batch_")?;
        let well_formed = digits.len() >= DIGITS
            && digits.bytes().all(|b| b.is_ascii_digit())
            // One number has one name: else two files could claim the same place.
            && (digits.len() == DIGITS || !digits.starts_with('0'));
        well_formed.then(|| digits.parse().ok().and_then(Self::new))?
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text is no batch number: it takes a whole number from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a batch number; batches are numbered 1, 2, 3 and so on")]
pub struct NotABatchNumber(String);

impl FromStr for BatchNumber {
    type Err = NotABatchNumber;

    fn from_str(text: &str) -> Result<Self, NotABatchNumber> {
        let number = text.parse().ok().and_then(Self::new);
        number.ok_or_else(|| NotABatchNumber(text.to_owned()))
    }
}

/// The random name of one try to commit, by which a writer knows its own batch from another's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// A new id that nobody else has.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no commit id: it takes 1 to 64 letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a commit id; one is 1 to 64 letters, digits and hyphens")]
pub struct NotACommitId(String);

impl TryFrom<String> for CommitId {
    type Error = NotACommitId;

    fn try_from(text: String) -> Result<Self, NotACommitId> {
        let good = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if good {
            Ok(Self(text))
        } else {
            Err(NotACommitId(text))
        }
    }
}

impl FromStr for CommitId {
    type Err = NotACommitId;

    fn from_str(text: &str) -> Result<Self, NotACommitId> {
        Self::try_from(text.to_owned())
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

/// The key of a window of rows, such as `2024-05` or `Hollywood`: any text that fits in the name of a folder.
///
/// In that name, bytes other than letters, digits, `-` and `.` are `_` and two hex digits: a percent-encoding without the
/// percent sign, which urls, shells and object stores encode once more.
///
/// ```
/// use gugus_store::WindowKey;
/// let key: WindowKey = "N Hollywood".parse()?;
/// assert_eq!(key.folder_name(), "window_N_20Hollywood");
/// assert_eq!(WindowKey::from_folder_name("window_N_20Hollywood"), Some(key));
/// # Ok::<(), gugus_store::NotAWindowKey>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WindowKey(String);

/// What the folder of a window begins with. No batch's does, nor does that of a model over everything.
const WINDOW: &str = "window_";

/// The longest encoded key. File systems take 255 bytes, of which a temporary name needs some sixty beside the key.
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

    /// Reads what [`WindowKey::folder_name`] wrote; `None` for every other name.
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
        // One key has one name: else two folders could claim the same window.
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

/// A text is no key of a window: it is empty, or too long for the name of a folder.
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
        // A key comes from data; a message is for people to read.
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
        fn names_and_numbers_are_one_to_one(number in 1_u64..) {
            let number = BatchNumber::new(number).unwrap();
            prop_assert_eq!(BatchNumber::from_file_name(&number.file_name()), Some(number));
            prop_assert_eq!(BatchNumber::from_folder_name(&number.folder_name()), Some(number));
        }

        #[test]
        fn any_name_that_parses_is_the_one_we_write(name in "batch_[0-9]{1,22}(\\.parquet)?") {
            if let Some(number) = BatchNumber::from_file_name(&name) {
                prop_assert_eq!(number.file_name(), name);
            }
        }
    }

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

    #[test]
    fn other_names_are_no_batches() {
        for name in [
            "batch_1.parquet",
            "batch_00000000.parquet",
            "batch_000000001.parquet",
            "batch_00000001.csv",
            "batch_+0000001.parquet",
            ".batch_00000001.parquet",
            "batch_99999999999999999999.parquet",
            "x",
        ] {
            assert_eq!(BatchNumber::from_file_name(name), None, "{name}");
        }
        assert_eq!(
            BatchNumber::from_file_name("batch_123456789.parquet")
                .unwrap()
                .get(),
            123_456_789
        );
    }

    #[test]
    fn commit_ids_are_safe_as_file_names() {
        assert!("../x".parse::<CommitId>().is_err());
        assert!("".parse::<CommitId>().is_err());
        assert_eq!(
            CommitId::random()
                .as_str()
                .parse::<CommitId>()
                .unwrap()
                .as_str()
                .len(),
            36
        );
        assert_ne!(CommitId::random(), CommitId::random());
    }
}
