//! A value as it stands in a record, and where it goes.

/// The value of a column in the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// No value, or null.
    #[default]
    Null,
    /// The value's text.
    Text,
    /// A JSON string with its quotes, whose text must be unescaped first.
    Escaped,
    /// The text of a JSON array or object.
    Nested,
}

/// The position of a value in a record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cell {
    pub(crate) kind: CellKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The place for the value of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Slot(usize),
    Nowhere,
}
