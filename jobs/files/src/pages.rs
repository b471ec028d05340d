//! Pages of Parquet that would unpack to far more than their file holds.
//!
//! The reader of Parquet believes the header of a page: it reserves what the header says, before it unpacks the page. So a
//! file of kilobytes could cost gigabytes. This module reads the headers first. They are structs in Thrift's compact protocol,
//! and the parquet crate does not give them.

use std::ops::Range;

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;

use crate::panics::catch_panic;

/// What pages that are unpacked at the same time may always take. A small table of texts that are alike takes less.
const ALWAYS: u64 = 256 * 1024 * 1024;

/// How many times longer than the file such pages may be beyond that.
const PACKED: u64 = 1000;

/// How many bytes of a header are read first. Most headers are shorter.
const FIRST_READ: u64 = 512;

/// The longest header. It holds the least and the greatest value of its page.
const LONGEST: u64 = 128 * 1024 * 1024;

/// How deep values may lie in each other. The parquet crate has the same limit.
const DEPTH: usize = 64;

/// The largest pages of column chunks that are read side by side, added up.
#[derive(Debug)]
pub struct Pages {
    size: u64,
    unpacked: u64,
}

impl Pages {
    /// No chunk yet, of a file of `size` bytes.
    #[must_use]
    pub fn of_file(size: u64) -> Self {
        Self { size, unpacked: 0 }
    }

    /// Checks all column chunks of a file. Its row groups are read one after the other.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub fn check(file: &impl ChunkReader, metadata: &ParquetMetaData) -> Result<()> {
        for group in metadata.row_groups() {
            let mut pages = Self::of_file(file.len());
            for column in group.columns() {
                let (start, length) = catch_panic(|| Ok(column.byte_range()))?;
                let chunk = start..start.saturating_add(length);
                if chunk.end > file.len() {
                    return Err(ParquetError::EOF("a column is cut off".to_owned()));
                }
                pages.add(file, chunk)?;
            }
        }
        Ok(())
    }

    /// Adds a column chunk, which lies at `chunk` in `bytes`.
    ///
    /// # Errors
    /// When the pages would take too much memory, or a header does not parse.
    pub fn add(&mut self, bytes: &impl ChunkReader, chunk: Range<u64>) -> Result<()> {
        let largest = largest_page(bytes, chunk)?;
        self.unpacked = self.unpacked.saturating_add(largest);
        if self.unpacked <= self.size.saturating_mul(PACKED).max(ALWAYS) {
            return Ok(());
        }
        Err(ParquetError::General(format!(
            "its pages say that they unpack to {} MiB, but it has {} KiB; write it anew, with smaller pages",
            self.unpacked >> 20,
            self.size >> 10
        )))
    }
}

fn largest_page(bytes: &impl ChunkReader, chunk: Range<u64>) -> Result<u64> {
    let (mut at, mut largest) = (chunk.start, 0);
    while at < chunk.end {
        let page = page(bytes, at..chunk.end)?;
        largest = largest.max(page.unpacked);
        at = at.saturating_add(page.length);
    }
    Ok(largest)
}

/// What the header of a page says.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    /// Of header and page, as they lie in the file.
    length: u64,
    unpacked: u64,
}

/// The page at the beginning of `rest`. Only its header is read.
fn page(bytes: &impl ChunkReader, rest: Range<u64>) -> Result<Page> {
    let most = LONGEST.min(rest.end - rest.start);
    let mut window = FIRST_READ.min(most);
    loop {
        let start = bytes.get_bytes(rest.start, usize::try_from(window)?)?;
        match parse(&start) {
            Some(page) => return Ok(page),
            // The header may go on behind the window.
            None if window < most => window = window.saturating_mul(16).min(most),
            None => return Err(ParquetError::EOF("a page header does not parse".to_owned())),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Page> {
    let mut rest = bytes;
    let sizes = header(&mut rest)?;
    let header = (bytes.len() - rest.len()) as u64;
    // The parquet crate would cut a larger number off.
    let [unpacked, packed] = sizes.map(|size| u64::try_from(i32::try_from(size?).ok()?).ok());
    Some(Page {
        length: header.checked_add(packed?)?,
        unpacked: unpacked?,
    })
}

/// Types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// The fields of a page header: the sizes of the page, unpacked and packed. The types of the first eight fields are fixed.
/// The parquet crate takes them for granted, so another type would let it read another header than this one.
fn header(rest: &mut &[u8]) -> Option<[Option<i64>; 2]> {
    const TYPES: [u8; 8] = [I32, I32, I32, I32, STRUCT, STRUCT, STRUCT, STRUCT];
    let mut sizes = [None; 2];
    let mut last = 0;
    while let Some((id, of)) = field(rest, last)? {
        last = id;
        let known = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let known = known.filter(|known| *known < TYPES.len());
        if known.is_some_and(|known| TYPES[known] != of) {
            return None;
        }
        match known {
            Some(1) => sizes[0] = Some(signed(rest)?),
            Some(2) => sizes[1] = Some(signed(rest)?),
            Some(4) => of_types(rest, &[I32, I32, I32, I32, STRUCT])?,
            Some(5) => of_types(rest, &[])?,
            Some(6) => of_types(rest, &[I32, I32, TRUE])?,
            Some(7) => of_types(rest, &[I32, I32, I32, I32, I32, I32, TRUE, STRUCT])?,
            _ => skip(rest, of, DEPTH)?,
        }
    }
    Some(sizes)
}

/// Skips a struct whose first fields have these types.
fn of_types(rest: &mut &[u8], types: &[u8]) -> Option<()> {
    /// The statistics of a page, the only struct within such a struct.
    const STATISTICS: [u8; 8] = [BINARY, BINARY, I64, I64, BINARY, BINARY, TRUE, TRUE];
    let mut last = 0;
    while let Some((id, of)) = field(rest, last)? {
        last = id;
        let known = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let known = known.and_then(|known| types.get(known));
        // A boolean is its type.
        let is = if of == FALSE { TRUE } else { of };
        match known {
            Some(known) if *known != is => return None,
            Some(&STRUCT) => of_types(rest, &STATISTICS)?,
            _ => skip(rest, of, DEPTH)?,
        }
    }
    Some(())
}

/// Number and type of the next field; nothing at the end of the struct.
fn field(rest: &mut &[u8], last: i64) -> Option<Option<(i64, u8)>> {
    let head = byte(rest)?;
    let of = head & 0x0f;
    if of == 0 {
        return Some(None);
    }
    let id = match head >> 4 {
        0 => signed(rest)?,
        more => last.checked_add(i64::from(more))?,
    };
    Some(Some((id, of)))
}

fn skip(rest: &mut &[u8], of: u8, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match of {
        TRUE | FALSE => Some(()),
        BYTE => take(rest, 1),
        I16 | I32 | I64 => signed(rest).map(drop),
        DOUBLE => take(rest, 8),
        BINARY => {
            let length = unsigned(rest)?;
            take(rest, length)
        }
        LIST | SET => {
            let head = byte(rest)?;
            let count = match head >> 4 {
                15 => unsigned(rest)?,
                few => u64::from(few),
            };
            (0..count).try_for_each(|_| skip_element(rest, head & 0x0f, depth))
        }
        MAP => {
            let count = unsigned(rest)?;
            if count == 0 {
                return Some(());
            }
            let types = byte(rest)?;
            (0..count).try_for_each(|_| {
                skip_element(rest, types >> 4, depth)?;
                skip_element(rest, types & 0x0f, depth)
            })
        }
        STRUCT => {
            let mut last = 0;
            while let Some((id, of)) = field(rest, last)? {
                last = id;
                skip(rest, of, depth)?;
            }
            Some(())
        }
        _ => None,
    }
}

/// Within lists and maps, a boolean is a byte.
fn skip_element(rest: &mut &[u8], of: u8, depth: usize) -> Option<()> {
    match of {
        TRUE | FALSE => take(rest, 1),
        other => skip(rest, other, depth),
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

fn take(rest: &mut &[u8], length: u64) -> Option<()> {
    *rest = rest.get(usize::try_from(length).ok()?..)?;
    Some(())
}

fn unsigned(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let next = byte(rest)?;
        number |= u64::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Some(number);
        }
    }
    None
}

fn signed(rest: &mut &[u8]) -> Option<i64> {
    let number = unsigned(rest)?;
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A page header: its type, both sizes, and a header of a data page with statistics.
    fn header_of(unpacked: i32, packed: i32, text: &str) -> Vec<u8> {
        let number = |number: i32| {
            let mut left = ((number << 1) ^ (number >> 31)) as u32;
            let mut bytes = Vec::new();
            while left >= 0x80 {
                bytes.push(left as u8 | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
            bytes
        };
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 0x80);
        let statistics = [&[0x18, length], text.as_bytes(), &[0x61, 0]].concat();
        [
            &[0x15, 0][..],
            &[0x15],
            &number(unpacked),
            &[0x15],
            &number(packed),
            &[0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c],
            &statistics,
            &[0, 0],
        ]
        .concat()
    }

    fn chunk(pages: &[(i32, i32)]) -> Bytes {
        let page = |(unpacked, packed): &(i32, i32)| {
            let mut page = header_of(*unpacked, *packed, "least");
            page.resize(page.len() + *packed as usize, 0xff);
            page
        };
        pages.iter().flat_map(page).collect::<Vec<_>>().into()
    }

    fn add(pages: &mut Pages, chunk: &Bytes) -> Result<()> {
        pages.add(chunk, 0..chunk.len() as u64)
    }

    #[test]
    fn the_largest_page_of_each_chunk_counts() {
        let mut pages = Pages::of_file(1024);
        let small = chunk(&[(100 << 20, 7), (1 << 20, 2000), (100 << 20, 0)]);
        add(&mut pages, &small).unwrap();
        add(&mut pages, &small).unwrap();
        let refused = add(&mut pages, &small).unwrap_err().to_string();
        assert!(
            refused.contains("unpack to 300 MiB, but it has 1 KiB"),
            "{refused}"
        );
        add(&mut Pages::of_file(1 << 20), &chunk(&[(900 << 20, 7)])).unwrap();
    }

    #[test]
    fn a_later_page_that_lies_is_found() {
        let lies = chunk(&[(100, 7), (100, 7), (i32::MAX, 7)]);
        assert!(add(&mut Pages::of_file(64 << 10), &lies).is_err());
    }

    #[test]
    fn a_header_that_does_not_parse_is_an_error() {
        for header in [
            &[][..],
            // No size.
            &[0x15, 0, 0],
            // The size as a text.
            &[0x28, 1, b'x', 0x15, 0, 0],
            // A negative size.
            &header_of(-1, 0, ""),
            // A list without an end.
            &[0x29, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f],
        ] {
            assert_eq!(parse(header), None, "{header:?}");
            let bytes = Bytes::copy_from_slice(header);
            let added = add(&mut Pages::of_file(1), &bytes);
            assert_eq!(added.is_ok(), header.is_empty(), "{header:?}");
        }
    }
}
