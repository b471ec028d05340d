//! From the cells of a record to values, and from a CSV row to cells.

use gugus_spec::Nullability;

use crate::buffer::{Buffer, Refusal};
use crate::cell::{Cell, CellKind, Target};
use crate::header::HeaderCell;
use crate::layout::{Layout, LayoutColumn};
use crate::parse::trim;
use crate::slots::Slots;
use crate::unescape::unescape;
use crate::{Header, Reason};

/// The text of a cell: empty for null.
pub(crate) fn cell_text<'t>(
    cell: &Cell,
    text: &'t str,
    unescaped: &'t mut String,
    column: &str,
) -> Result<&'t str, Reason> {
    match cell.kind {
        CellKind::Null => Ok(""),
        CellKind::Text | CellKind::Nested => Ok(&text[cell.start..cell.end]),
        CellKind::Escaped => match unescape(&text[cell.start..cell.end], unescaped) {
            Ok(()) => Ok(unescaped),
            Err(message) => Err(Reason::NotText {
                column: column.to_owned(),
                message,
            }),
        },
    }
}

/// Appends the cell in the most common cases: no value where none is required, or a value that parses. Returns the bytes of
/// text that were kept. In all other cases it appends nothing and returns `None`, and [`append_value`] must be called.
///
/// The result fits in a register, because it has no room for a [`Reason`].
#[inline]
pub(crate) fn append_plain(
    column: &LayoutColumn,
    buffer: &mut Buffer,
    cell: &Cell,
    text: &str,
    layout: &Layout,
) -> Option<usize> {
    match cell.kind {
        CellKind::Text if cell.start < cell.end => match text.get(cell.start..cell.end)? {
            null if layout.is_null(null) => None,
            value => buffer.push_plain(value),
        },
        CellKind::Text | CellKind::Null if column.nullability == Nullability::Optional => {
            buffer.push_null();
            Some(0)
        }
        _ => None,
    }
}

/// Appends the value of a text; returns the bytes of text that were kept.
pub(crate) fn append_value(
    column: &LayoutColumn,
    buffer: &mut Buffer,
    kind: CellKind,
    text: &str,
    layout: &Layout,
) -> Result<usize, Reason> {
    let is_text = matches!(buffer, Buffer::Utf8(_));
    let value = if is_text { text } else { trim(text) };
    if value.is_empty() || layout.is_null(value) {
        if column.nullability == Nullability::Required {
            return Err(Reason::Null {
                column: column.name.clone(),
            });
        }
        buffer.push_null();
        return Ok(0);
    }
    if kind == CellKind::Nested && !is_text {
        let found = if value.starts_with('[') {
            "array"
        } else {
            "object"
        };
        return Err(Reason::Nested {
            column: column.name.clone(),
            found,
            expected: column.type_name,
        });
    }
    match buffer.push(value) {
        Ok(()) => Ok(if is_text { value.len() } else { 0 }),
        Err(Refusal::Misfit(misfit)) => {
            Err(Reason::value(&column.name, value, misfit, column.type_name))
        }
        Err(Refusal::Full) => Err(Reason::Full {
            column: column.name.clone(),
        }),
    }
}

/// Copies the text of the kept cells over `row`, one after the other, and their positions into the slots.
pub(crate) fn read_cells<'c>(
    header: &Header,
    cells: impl IntoIterator<Item = &'c [u8]>,
    row: &mut String,
    layout: &Layout,
    slots: &mut Slots,
) -> Result<(), Reason> {
    row.clear();
    slots.begin();
    let mut found = 0;
    let mut not_utf8 = None;
    for cell in cells {
        let place = header.cells().get(found);
        found += 1;
        let (target, name) = match place {
            Some(HeaderCell::Column(i)) => (Target::Slot(*i), &layout.columns()[*i].name),
            Some(HeaderCell::Other(name)) => (slots.resolve(name), name),
            Some(HeaderCell::Nowhere) | None => continue,
        };
        match std::str::from_utf8(cell) {
            Ok(text) => {
                let start = row.len();
                row.push_str(text);
                slots.set(target, CellKind::Text, start, row.len());
            }
            Err(e) => {
                not_utf8.get_or_insert(Reason::CellNotUtf8 {
                    column: name.clone(),
                    at: e.valid_up_to(),
                });
            }
        }
    }
    if found != header.len() {
        return Err(Reason::CellCount {
            expected: header.len(),
            found,
        });
    }
    not_utf8
        .or_else(|| slots.take_refusal())
        .map_or(Ok(()), Err)
}
