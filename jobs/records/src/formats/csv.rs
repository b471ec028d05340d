//! One CSV row in the bytes of one record.

use super::record_format::RecordFormat;
use crate::cells::read_cells;
use crate::csv::{Cells, Splitter};
use crate::layout::Layout;
use crate::slots::Slots;
use crate::{Header, Reason};

/// Records that are rows of CSV.
#[derive(Debug)]
pub(super) struct Csv {
    header: Header,
    splitter: Splitter,
    /// Text of the row in hand.
    row: String,
}

impl Csv {
    pub(super) fn new(layout: &Layout) -> Self {
        let columns = layout.columns().iter().map(|column| column.name.as_str());
        Self {
            header: match &layout.csv().header {
                Some(names) => Header::of(names.iter().map(String::as_str), layout),
                None => Header::of(columns, layout),
            },
            splitter: Splitter::new(layout.csv().into()),
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
        let cells = cells_of(&mut self.splitter, record)?;
        read_cells(&self.header, cells, &mut self.row, layout, slots)?;
        Ok(&self.row)
    }
}

/// The cells of a record that is one row, with or without the end of its line.
pub(crate) fn cells_of<'r>(
    splitter: &'r mut Splitter,
    record: &'r [u8],
) -> Result<Cells<'r>, Reason> {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let record = record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record);
    let Some(begin) = record.iter().position(|byte| !is_line_end(byte)) else {
        return Err(Reason::Empty);
    };
    let (empty, row) = record.split_at(begin);
    let lines = crate::csv::line_ends(empty);
    let Some(extent) = splitter.split(row, true) else {
        return Err(Reason::Empty);
    };
    if let Some(reason) = splitter.reason(row, 1 + lines) {
        return Err(reason);
    }
    match row.get(extent.next..) {
        Some(rest) if !rest.iter().all(is_line_end) => Err(Reason::ManyRows),
        _ => Ok(splitter.cells(row)),
    }
}
