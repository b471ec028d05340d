//! One CSV row in the bytes of one record.

use gugus_spec::CsvFormat;

use super::record_format::RecordFormat;
use crate::cells::read_cells;
use crate::layout::Layout;
use crate::slots::Slots;
use crate::{Header, Reason};

/// Records that are rows of CSV.
#[derive(Debug)]
pub(super) struct Csv {
    header: Header,
    rows: RowReader,
    /// Text of the row in hand.
    row: String,
}

impl Csv {
    pub(super) fn new(format: &CsvFormat, layout: &Layout) -> Self {
        let names = match &format.header {
            Some(names) => names.clone(),
            None => layout.columns().iter().map(|c| c.name.clone()).collect(),
        };
        Self {
            header: Header::of(names.iter().map(String::as_str), layout),
            rows: RowReader::new(format.delimiter),
            row: String::new(),
        }
    }
}

impl RecordFormat for Csv {
    fn read<'t>(
        &'t mut self,
        record: &'t [u8],
        layout: &Layout,
        slots: &mut Slots,
    ) -> Result<&'t str, Reason> {
        let cells = self.rows.read(record)?;
        read_cells(&self.header, cells, &mut self.row, layout, slots)?;
        Ok(&self.row)
    }
}

/// Takes rows apart, as RFC 4180 has them; its buffers are reused from record to record.
#[derive(Debug)]
struct RowReader {
    core: csv_core::Reader,
    /// The texts of the cells of the row in hand, without quotes, one behind the other.
    text: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl RowReader {
    fn new(delimiter: u8) -> Self {
        Self {
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The cells of a record that is one row, with or without the end of its line.
    fn read(&mut self, record: &[u8]) -> Result<impl Iterator<Item = &[u8]> + use<'_>, Reason> {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        if record.iter().all(is_line_end) {
            return Err(Reason::Empty);
        }
        self.core.reset();
        // What is read is never longer than what it is read from. A cell more than there are bytes ends with the row.
        self.text.resize(record.len() + 1, 0);
        let mut row = Row::default();
        let rest = match self.read_on(record, &mut row) {
            Some(rest) => rest,
            // The end of a line, which the record may lack, ends the row; within quotes it would be text.
            None if self.read_on(b"\n", &mut row).is_some() => b"",
            None => return Err(Reason::OpenQuote),
        };
        if !rest.iter().all(is_line_end) {
            return Err(Reason::ManyRows);
        }
        let mut start = 0;
        let (text, ends) = (&self.text, &self.ends);
        Ok(ends.iter().take(row.cells).map(move |&end| {
            let cell = text.get(start..end).unwrap_or_default();
            start = end;
            cell
        }))
    }

    /// Reads to the end of the row, and returns what is behind it; `None` when the input ends before.
    fn read_on<'r>(&mut self, mut input: &'r [u8], row: &mut Row) -> Option<&'r [u8]> {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        loop {
            let text = self.text.get_mut(row.text..)?;
            let ends = self.ends.get_mut(row.cells..)?;
            let (result, read, written, ended) = self.core.read_record(input, text, ends);
            input = input.get(read..)?;
            row.text += written;
            row.cells += ended;
            match result {
                Record => return Some(input),
                InputEmpty | End => return None,
                OutputEndsFull => self.ends.resize((2 * self.ends.len()).max(16), 0),
                OutputFull => self.text.resize(2 * self.text.len(), 0),
            }
        }
    }
}

/// How much of the buffers the row in hand fills.
#[derive(Default)]
struct Row {
    text: usize,
    cells: usize,
}
