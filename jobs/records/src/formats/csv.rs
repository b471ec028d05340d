//! One CSV row in the bytes of one record.

use gugus_spec::Source;

use super::traits::{ReadRecords, WriteRecords};
use crate::cells::read_cells;
use crate::csv::{Cells, Splitter};
use crate::layout::Layout;
use crate::slots::Slots;
use crate::{Header, Reason};

#[derive(Debug)]
struct Reader {
    header: Header,
    splitter: Splitter,
    /// Text of the row in hand.
    row: String,
}

pub(super) fn reader(layout: &Layout) -> impl ReadRecords + use<> {
    let columns = layout.columns().iter().map(|column| column.name.as_str());
    Reader {
        header: match &layout.csv().header {
            Some(names) => Header::of(names.iter().map(String::as_str), layout),
            None => Header::of(columns, layout),
        },
        splitter: Splitter::new(layout.csv().into()),
        row: String::new(),
    }
}

impl ReadRecords for Reader {
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

/// Cells have the order that the job's readers expect, not the order of the file.
#[derive(Debug)]
struct Writer {
    delimiter: u8,
    /// For each cell of a record the column of the file, or `None` if the file lacks it.
    order: Vec<Option<usize>>,
}

pub(super) fn writer(source: &Source, names: &[String]) -> impl WriteRecords + use<> {
    let place = |name: &String| names.iter().position(|other| other == name);
    Writer {
        delimiter: source.csv.delimiter,
        order: match &source.csv.header {
            Some(header) => header.iter().map(place).collect(),
            None => source.columns.iter().map(|c| place(&c.name)).collect(),
        },
    }
}

impl WriteRecords for Writer {
    /// The row has no end of its line.
    fn write(&self, cells: Cells<'_>, record: &mut Vec<u8>) -> Result<(), String> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_writer(&mut *record);
        let cell = |at: &Option<usize>| at.and_then(|at| cells.get(at)).unwrap_or_default();
        let written = writer
            .write_record(self.order.iter().map(cell))
            .and_then(|()| writer.flush().map_err(Into::into));
        drop(writer);
        written.map_err(|e| format!("could not be written as csv: {e}"))?;
        record.pop();
        Ok(())
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
