//! Pages of Parquet that would unpack to far more than their file holds.
//!
//! The reader of Parquet believes the header of a page: it reserves what the header says, before it unpacks the page. So a
//! file of kilobytes could cost gigabytes. This module reads the headers first.

use std::ops::Range;

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::ChunkReader;

use crate::page_header::{Bad, Page, parse};
use crate::panics::catch_panic;

/// What pages that are unpacked at the same time may always take. A small table of texts that are alike takes less.
const ALWAYS: u64 = 256 * 1024 * 1024;

/// How many times longer than the file such pages may be beyond that.
const PACKED: u64 = 1000;

/// How many bytes of a header are read first. Most headers are shorter.
const FIRST_READ: u64 = 512;

/// The longest header. It holds the least and the greatest value of its page.
const LONGEST: u64 = 128 * 1024 * 1024;

/// Pages would take too much memory.
#[derive(Debug, thiserror::Error)]
#[error(
    "its pages say that they unpack to {} MiB, but it has {} KiB; write it anew, with smaller pages",
    .unpacked >> 20,
    .size.div_ceil(1024)
)]
pub struct PagesTooLarge {
    unpacked: u64,
    size: u64,
}

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
    /// As [`Pages::add`]. It is [`ParquetError::EOF`] only if all other chunks may be read.
    pub fn check(file: &impl ChunkReader, metadata: &ParquetMetaData) -> Result<()> {
        let mut cut_off = None;
        for group in metadata.row_groups() {
            let mut pages = Self::of_file(file.len());
            for column in group.columns() {
                match pages.add_column(file, column) {
                    Err(ParquetError::EOF(text)) => cut_off = cut_off.or(Some(text)),
                    checked => checked?,
                }
            }
        }
        cut_off.map_or(Ok(()), |text| Err(ParquetError::EOF(text)))
    }

    /// Adds a column chunk, as far as the file has it.
    fn add_column(&mut self, file: &impl ChunkReader, column: &ColumnChunkMetaData) -> Result<()> {
        let (start, length) = catch_panic(|| Ok(column.byte_range()))?;
        let (end, size) = (start.saturating_add(length), file.len());
        self.add(file, start..end.min(size))?;
        if end <= size {
            return Ok(());
        }
        let text = "a column is cut off; restore the file from a copy, or get it anew";
        Err(ParquetError::EOF(text.to_owned()))
    }

    /// Adds a column chunk, which lies at `chunk` in `bytes`.
    ///
    /// # Errors
    /// [`PagesTooLarge`]; [`ParquetError::EOF`] after a page whose header the parquet crate does not read either, so that it
    /// stops there; [`ParquetError::General`] if the crate might read a header otherwise.
    pub fn add(&mut self, bytes: &impl ChunkReader, chunk: Range<u64>) -> Result<()> {
        let before = self.unpacked;
        let mut at = chunk.start;
        while at < chunk.end {
            let page = page(bytes, at..chunk.end)?;
            let (unpacked, size) = (before.saturating_add(page.unpacked), self.size);
            self.unpacked = self.unpacked.max(unpacked);
            if self.unpacked > size.saturating_mul(PACKED).max(ALWAYS) {
                let large = PagesTooLarge { unpacked, size };
                return Err(ParquetError::External(Box::new(large)));
            }
            at = at.saturating_add(page.length);
        }
        Ok(())
    }
}

/// The page at the beginning of `rest`. Only its header is read.
fn page(bytes: &impl ChunkReader, rest: Range<u64>) -> Result<Page> {
    let all = rest.end - rest.start;
    let most = LONGEST.min(all);
    let mut window = FIRST_READ.min(most);
    loop {
        let start = bytes.get_bytes(rest.start, usize::try_from(window)?)?;
        match parse(&start) {
            Ok(page) => return Ok(page),
            // The header may go on behind the window.
            Err(Bad::CutOff) if window < most => window = window.saturating_mul(16).min(most),
            Err(bad) => {
                let text = "a page header is damaged; restore the file from a copy, or get it anew";
                let stops = bad == Bad::Unreadable || (bad == Bad::CutOff && most == all);
                let error = match stops {
                    true => ParquetError::EOF,
                    false => ParquetError::General,
                };
                return Err(error(text.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::page_header::tests::header_of;

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
    fn a_page_that_lies_is_found_before_a_header_that_is_cut_off() {
        let cut_off = |size| Bytes::from([&chunk(&[(size, 7)])[..], &[0x15]].concat());
        let refused = add(&mut Pages::of_file(1024), &cut_off(i32::MAX)).unwrap_err();
        assert!(refused.to_string().contains("2047 MiB"), "{refused}");

        let mut pages = Pages::of_file(1024);
        let first = add(&mut pages, &cut_off(200 << 20)).unwrap_err();
        assert!(matches!(first, ParquetError::EOF(_)), "{first}");
        // The pages before count.
        let refused = add(&mut pages, &chunk(&[(100 << 20, 7)])).unwrap_err();
        assert!(refused.to_string().contains("300 MiB"), "{refused}");
    }

    #[test]
    fn a_header_that_others_may_read_otherwise_ends_no_column() {
        let text = [&chunk(&[(100, 7)])[..], &[0x28, 1, b'x', 0]].concat();
        let refused = add(&mut Pages::of_file(64), &text.into()).unwrap_err();
        assert!(matches!(refused, ParquetError::General(_)), "{refused}");
        assert!(refused.to_string().contains("get it anew"), "{refused}");
    }
}
