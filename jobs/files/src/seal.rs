//! The hashes of a Parquet file, in the file's own metadata.
//!
//! A flipped bit in a Parquet file often reads as another number, and no reader notices. So a writer seals a file, and a
//! reader of any part of it checks this part.
//!
//! The entry [`HASH_KEY`] is `blake3 FOOTER PIECE PIECE …`, each hash with 32 hexadecimal digits. The bytes before the
//! metadata are cut into pieces: the bytes before the first column chunk, each column chunk up to the next one, and the
//! rest. The hash of the footer is that of all bytes from the metadata on, with its own digits as zeros. So every byte of the
//! file counts.
//!
//! There is a hash for each column chunk because training reads a few of many columns. So training hashes only bytes that
//! it reads anyway. A reader of everything hashes every byte once.
//!
//! A flipped bit must not turn a sealed file into one without hashes. So every sealed file also has [`MARK`] in another
//! entry, and a reader refuses a file with `MARK` and without hashes.
//!
//! The hash is BLAKE3 because DataFusion brings it, and because a link of a chain needs a hash that nobody can steer. A CRC
//! of 32 bits misses one in four billion changes, and anybody can make a change that it misses.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::metadata::{FooterTail, KeyValue, ParquetMetaData, ParquetMetaDataReader},
};

use crate::{Tail, catch_panic, hex};

/// The Parquet key-value entry that holds the hashes.
pub const HASH_KEY: &str = "gugus.hash";

/// The batch's JSON, which stands in another entry of every sealed file, has this key. No value in the JSON can contain
/// this text, because JSON escapes the quotes in values.
const MARK: &str = "\"previous_hash\":";

const ALGORITHM: &str = "blake3";

/// Half of what BLAKE3 gives. Chance never finds two texts of one hash of 128 bits, and footers stay short.
const HASH_BYTES: usize = 16;

const DIGITS: usize = 2 * HASH_BYTES;

/// The length of the end of every Parquet file: the length of the metadata, and `PAR1`.
const TAIL: usize = 8;

/// A part of a file is not what its writer wrote.
#[derive(Debug, thiserror::Error)]
#[error("{part} does not have the hash that the file's footer gives")]
pub struct Altered {
    /// The part: the footer, or a range of bytes.
    part: String,
}

impl Altered {
    fn footer() -> ParquetError {
        Self::part("the footer".to_owned())
    }

    fn part(part: String) -> ParquetError {
        ParquetError::External(Box::new(Self { part }))
    }
}

/// What the end of a Parquet file says.
#[derive(Debug)]
pub struct ParquetEnd {
    /// The metadata.
    pub metadata: Arc<ParquetMetaData>,
    /// The hashes of the file; `None` if its writer gave none.
    pub seal: Option<Arc<Seal>>,
}

impl ParquetEnd {
    /// How many bytes of a file's end to read at first. A file of thirty columns has about 10 KiB of metadata in one row
    /// group, so one read is nearly always enough, and a network still sends that much at once.
    pub const FIRST_READ: u64 = 64 * 1024;

    /// Reads the metadata of a whole file; otherwise as [`ParquetEnd::read`].
    ///
    /// # Errors
    /// As [`ParquetEnd::read`].
    pub fn of_file(file: &Bytes) -> Result<Self, ParquetError> {
        Self::read(&Tail {
            size: file.len() as u64,
            bytes: file.clone(),
        })
    }

    /// How many bytes at the end of a file hold its metadata.
    ///
    /// # Errors
    /// If the file does not end like a Parquet file.
    pub fn length(tail: &Tail) -> Result<u64, ParquetError> {
        let length = length(&tail.bytes)? as u64;
        if length > tail.size {
            return Err(ParquetError::EOF(format!(
                "metadata of {length} bytes in a file of {}",
                tail.size
            )));
        }
        Ok(length)
    }

    /// Reads the metadata from a tail that holds all of it, and checks it against its own hash.
    ///
    /// # Errors
    /// If the tail is not Parquet, and [`Altered`] within [`ParquetError::External`].
    pub fn read(tail: &Tail) -> Result<Self, ParquetError> {
        let length = Self::length(tail)?;
        let start = tail.bytes.len().checked_sub(length as usize);
        let start = start.ok_or_else(|| ParquetError::EOF("metadata cut off".to_owned()))?;
        let footer = tail.bytes.slice(start..);
        // The hash comes first: a decoder of changed metadata may take any amount of memory.
        let own = checked(&footer)?;
        catch_panic(|| {
            let text = footer.len() - TAIL;
            let metadata = ParquetMetaDataReader::decode_metadata(&footer[..text])?;
            let seal = Seal::read(own, &metadata, tail.size - length)?;
            Ok(Self {
                metadata: Arc::new(metadata),
                seal: seal.map(Arc::new),
            })
        })
    }
}

/// The hashes of a file, whose footer was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    footer: String,
    /// In order, without a gap from the beginning of the file to its metadata.
    pieces: Vec<(Range<u64>, String)>,
}

impl Seal {
    /// The hash of the footer, which covers the hashes of all else.
    #[must_use]
    pub fn footer(&self) -> &str {
        &self.footer
    }

    /// The pieces that a range touches, as one range. Only whole pieces can be checked.
    #[must_use]
    pub fn around(&self, range: &Range<u64>) -> Range<u64> {
        let touched = self.touched(range);
        match (touched.first(), touched.last()) {
            (Some((first, _)), Some((last, _))) => first.start..last.end.max(range.end),
            _ => range.clone(),
        }
    }

    /// Checks the bytes of a range that [`Seal::around`] gave. Bytes of the footer were checked before.
    ///
    /// # Errors
    /// [`Altered`] within [`ParquetError::External`].
    pub fn check(&self, range: &Range<u64>, bytes: &[u8]) -> Result<(), ParquetError> {
        for (piece, expected) in self.touched(range) {
            let part = |at: u64| usize::try_from(at.checked_sub(range.start)?).ok();
            let part = part(piece.start).zip(part(piece.end));
            let part = part.and_then(|(start, end)| bytes.get(start..end));
            if part.is_none_or(|part| hash(part) != *expected) {
                let last = piece.end.saturating_sub(1);
                return Err(Altered::part(format!(
                    "what lies in bytes {} to {last}",
                    piece.start
                )));
            }
        }
        Ok(())
    }

    /// Checks a whole file.
    ///
    /// # Errors
    /// [`Altered`] within [`ParquetError::External`].
    pub fn check_all(&self, file: &[u8]) -> Result<(), ParquetError> {
        self.check(&(0..file.len() as u64), file)
    }

    /// The pieces with a byte in this range.
    fn touched(&self, range: &Range<u64>) -> &[(Range<u64>, String)] {
        let from = (self.pieces).partition_point(|(piece, _)| piece.end <= range.start);
        let to = (self.pieces).partition_point(|(piece, _)| piece.start < range.end);
        self.pieces.get(from..to).unwrap_or_default()
    }

    /// Reads the hashes of a file, whose metadata begin at `start`. `own` is the hash of the footer, which was checked.
    fn read(
        own: Option<String>,
        metadata: &ParquetMetaData,
        start: u64,
    ) -> Result<Option<Self>, ParquetError> {
        let entries = metadata.file_metadata().key_value_metadata();
        let entries = entries.map(Vec::as_slice).unwrap_or_default();
        let Some(footer) = own else {
            let of_sealed = |entry: &KeyValue| {
                let value = entry.value.as_deref().unwrap_or_default();
                entry.key == HASH_KEY || value.contains(MARK)
            };
            return match entries.iter().any(of_sealed) {
                true => Err(Altered::footer()),
                false => Ok(None),
            };
        };
        let entry = entries.iter().find(|entry| entry.key == HASH_KEY);
        let entry = entry.and_then(|entry| entry.value.as_deref());
        let hashes = entry.unwrap_or_default().split(' ').skip(2);
        let hashes: Vec<String> = hashes.map(str::to_owned).collect();
        let pieces = pieces(metadata, start)?;
        if hashes.len() != pieces.len() {
            return Err(Altered::footer());
        }
        Ok(Some(Self {
            footer,
            pieces: pieces.into_iter().zip(hashes).collect(),
        }))
    }
}

/// Checks a footer against the hash in it, and returns that hash; `None` if the footer holds no hash.
fn checked(footer: &[u8]) -> Result<Option<String>, ParquetError> {
    let Some(digits) = own_digits(footer) else {
        return Ok(None);
    };
    let mut blank = footer.to_vec();
    blank[digits.clone()].fill(b'0');
    let own = hash(&blank);
    match own.as_bytes() == &footer[digits] {
        true => Ok(Some(own)),
        false => Err(Altered::footer()),
    }
}

/// The entry that a file needs before [`seal`], by its number of column chunks. It must be the last entry.
#[must_use]
pub fn unsealed(chunks: usize) -> KeyValue {
    // The footer, what is before the first chunk, and what is after the last one.
    let hashes = vec!["0".repeat(DIGITS); chunks + 3];
    KeyValue::new(HASH_KEY.to_owned(), text(&hashes))
}

/// Writes the hashes of a file into its entry [`unsealed`], and returns the hash of its footer.
///
/// # Errors
/// If the file is not one with that entry.
pub fn seal(file: &mut [u8], metadata: &ParquetMetaData) -> Result<String, ParquetError> {
    let wrong = || ParquetError::General(format!("a file without its entry {HASH_KEY}"));
    let start = file.len().checked_sub(length(file)?).ok_or_else(wrong)?;
    let (rows, footer) = file.split_at_mut(start);
    let mut hashes = vec!["0".repeat(DIGITS)];
    for piece in pieces(metadata, start as u64)? {
        hashes.push(hash(&rows[piece.start as usize..piece.end as usize]));
    }
    let digits = own_digits(footer).ok_or_else(wrong)?;
    let sealed = text(&hashes);
    let place = digits.start - ALGORITHM.len() - 1;
    let place = footer
        .get_mut(place..)
        .and_then(|rest| rest.get_mut(..sealed.len()));
    place.ok_or_else(wrong)?.copy_from_slice(sealed.as_bytes());
    let own = hash(footer);
    footer[digits].copy_from_slice(own.as_bytes());
    Ok(own)
}

/// The pieces of a file whose metadata begin at `end`.
fn pieces(metadata: &ParquetMetaData, end: u64) -> Result<Vec<Range<u64>>, ParquetError> {
    let chunks = metadata.row_groups().iter().flat_map(|g| g.columns());
    let mut pieces = Vec::new();
    let (mut from, mut to) = (0, 0);
    for chunk in chunks {
        let (start, length) = chunk.byte_range();
        let stop = start.checked_add(length).filter(|stop| *stop <= end);
        let stop = stop.filter(|_| to <= start);
        let stop = stop.ok_or_else(|| {
            ParquetError::General("column chunks that overlap, or lie behind the rows".to_owned())
        })?;
        pieces.push(from..start);
        (from, to) = (start, stop);
    }
    pieces.extend([from..to, to..end]);
    Ok(pieces)
}

/// The length of the metadata with the end of the file, from the last bytes of the file.
fn length(bytes: &[u8]) -> Result<usize, ParquetError> {
    let last = bytes.last_chunk::<TAIL>();
    let last = last.ok_or_else(|| ParquetError::EOF(format!("a file of {} bytes", bytes.len())))?;
    Ok(FooterTail::try_new(last)?.metadata_length() + TAIL)
}

fn text(hashes: &[String]) -> String {
    format!("{ALGORITHM} {}", hashes.join(" "))
}

fn hash(bytes: &[u8]) -> String {
    hex(&blake3::hash(bytes).as_bytes()[..HASH_BYTES])
}

/// Where the footer's own hash stands in it. The entry is the last one, so it is behind all that users name.
fn own_digits(footer: &[u8]) -> Option<Range<usize>> {
    /// Between key and text are only the number of the field and the length of the text.
    const BETWEEN: usize = 8;
    let (key, word) = (HASH_KEY.as_bytes(), format!("{ALGORITHM} "));
    let key_at = footer.windows(key.len()).rposition(|part| part == key)?;
    let rest = footer.get(key_at + key.len()..)?;
    let mut near = rest.windows(word.len()).take(BETWEEN);
    let word_at = near.position(|part| part == word.as_bytes())?;
    let start = key_at + key.len() + word_at + word.len();
    (start + DIGITS <= footer.len()).then_some(start..start + DIGITS)
}

#[cfg(test)]
mod tests {
    use parquet::data_type::{DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A sealed file of two columns.
    fn sealed(groups: usize) -> (Vec<u8>, String) {
        let schema = "message m { required int64 n; required double x; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let marked = KeyValue::new("batch".to_owned(), format!("{{{MARK}\"\"}}"));
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![marked]));
        let mut file = Vec::new();
        let mut writer =
            SerializedFileWriter::new(&mut file, schema, Arc::new(properties.build())).unwrap();
        for _ in 0..groups {
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let numbers = column.typed::<Int64Type>();
            numbers.write_batch(&[1, 2, 3], None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let numbers = column.typed::<DoubleType>();
            numbers.write_batch(&[1.5, 2.5, -3.5], None, None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.append_key_value_metadata(unsealed(2 * groups));
        let metadata = writer.close().unwrap();
        let own = seal(&mut file, &metadata).unwrap();
        (file, own)
    }

    fn check(file: &[u8]) -> Result<Option<Arc<Seal>>, ParquetError> {
        let seal = ParquetEnd::of_file(&Bytes::copy_from_slice(file))?.seal;
        if let Some(seal) = &seal {
            seal.check_all(file)?;
        }
        Ok(seal)
    }

    #[test]
    fn a_sealed_file_is_whole_and_is_the_same_when_made_again() {
        for groups in [0, 1, 3] {
            let (file, own) = sealed(groups);
            let seal = check(&file).unwrap().unwrap();
            assert_eq!(seal.footer(), own);
            assert_eq!(seal.pieces.len(), 2 * groups + 2);
            assert_eq!((file, own), sealed(groups));
        }
    }

    /// No bit of a file can change unnoticed, and no changed bit turns the file into one without hashes.
    #[test]
    fn each_bit_counts() {
        let (file, _) = sealed(1);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut file = file.clone();
                file[at] ^= 1 << bit;
                assert!(check(&file).is_err(), "bit {bit} of byte {at}");
            }
        }
        for length in 0..file.len() {
            assert!(check(&file[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_part_is_checked_in_whole_pieces() {
        let (mut file, _) = sealed(2);
        let seal = check(&file).unwrap().unwrap();
        let chunk = seal.pieces[1].0.clone();
        assert_eq!(seal.around(&chunk), chunk);
        assert_eq!(seal.around(&(chunk.start + 1..chunk.end - 1)), chunk);
        assert_eq!(seal.around(&(0..chunk.start + 1)), 0..chunk.end);
        let place = chunk.start as usize..chunk.end as usize;
        seal.check(&chunk, &file[place.clone()]).unwrap();
        assert!(
            seal.check(&chunk, &file[place.start..place.end - 1])
                .is_err()
        );
        file[place.start + 3] ^= 1;
        let altered = seal.check(&chunk, &file[place]).unwrap_err().to_string();
        assert!(
            altered.contains(&format!("bytes {} to", chunk.start)),
            "{altered}"
        );
        let next = seal.pieces[2].0.clone();
        seal.check(&next, &file[next.start as usize..next.end as usize])
            .unwrap();
    }
}
