//! Names that the batch log and the model folders share: the number of a batch, the id of a commit, a range of offsets.

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Serialize};

/// The number of a batch: 1, 2, 3, …
///
/// ```
/// use gugus_spec::BatchNumber;
/// let number = BatchNumber::FIRST.next();
/// assert_eq!(number.file_name(), "batch_00000002.parquet");
/// assert_eq!(BatchNumber::from_file_name("batch_00000002.parquet"), Some(number));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchNumber(NonZeroU64);

/// The fewest digits of a number in a name. Names sort like numbers up to 99,999,999 batches; later names are longer.
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
            // One number has one name. Otherwise two files could claim the same place.
            && (digits.len() == DIGITS || !digits.starts_with('0'));
        well_formed.then(|| digits.parse().ok().and_then(Self::new))?
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is no batch number, which is a whole number from 1.
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

/// The random name of one attempt to commit. A writer recognises its own batch by this id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// A new, unique id.
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

/// The text is no commit id, which has 1 to 64 letters, digits and hyphens.
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

/// Offsets `first..next` of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OffsetRange {
    /// The partition.
    pub partition: i32,
    /// The first offset of the range.
    pub first: i64,
    /// The first offset after the range.
    pub next: i64,
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
