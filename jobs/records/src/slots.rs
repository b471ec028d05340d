//! One place per column for the current record, reused from record to record.
//!
//! A cell holds the position of a value's text in the record, and not the text. So nothing is copied, and parsing begins
//! only after the whole record proved to be well formed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Reason;
use crate::cell::{Cell, CellKind, Target};
use crate::expected_keys::ExpectedKeys;
use crate::layout::{Layout, MAX_OTHER_COLUMNS, Place};

/// How many keys of a record are remembered by their position. Further keys are looked up by name.
const MOST_EXPECTED: usize = 1024;

/// The cells of the current record, and the names of the other columns.
#[derive(Debug)]
pub(crate) struct Slots {
    layout: Arc<Layout>,
    cells: Vec<Cell>,
    /// Names of the other columns, including those of the current record.
    others: Vec<String>,
    index: HashMap<String, usize>,
    /// How many of `others` belong to accepted records.
    accepted: usize,
    /// The names of the last record by position. Records of one stream mostly have the same order, and a comparison is
    /// cheaper than a hash.
    expected: Vec<(String, Target)>,
    cursor: usize,
    expected_keys: ExpectedKeys,
    refused: Option<Reason>,
}

impl Slots {
    pub(crate) fn new(layout: Arc<Layout>) -> Self {
        Self {
            cells: vec![Cell::default(); layout.columns().len()],
            layout,
            others: Vec::new(),
            index: HashMap::new(),
            accepted: 0,
            expected: Vec::new(),
            cursor: 0,
            expected_keys: ExpectedKeys::default(),
            refused: None,
        }
    }

    /// Begins a record: all cells are null.
    pub(crate) fn begin(&mut self) {
        self.cells.fill(Cell::default());
        self.cursor = 0;
        self.expected_keys.begin();
        self.refused = None;
    }

    /// Where the value of the next name goes.
    pub(crate) fn resolve(&mut self, name: &str) -> Target {
        let at = self.cursor;
        self.cursor += 1;
        if let Some((expected, target)) = self.expected.get(at)
            && expected == name
        {
            return *target;
        }
        let Some(target) = self.look_up(name) else {
            return Target::Nowhere;
        };
        if let Some((expected, remembered)) = self.expected.get_mut(at) {
            expected.clear();
            expected.push_str(name);
            *remembered = target;
        } else if at == self.expected.len() && at < MOST_EXPECTED {
            self.expected.push((name.to_owned(), target));
        }
        target
    }

    /// Where the value of the key at `at` goes and begins, when the key was expected there.
    #[inline]
    pub(crate) fn expected_key(&mut self, bytes: &[u8], at: usize) -> Option<(Target, usize)> {
        self.expected_keys.find(bytes, at)
    }

    /// Where the value of a key goes that was not expected. `bytes` is what stands before the value.
    #[cold]
    pub(crate) fn unexpected_key(&mut self, name: &str, bytes: &[u8]) -> Target {
        match self.look_up(name) {
            Some(target) => {
                self.expected_keys.learn(bytes, target);
                target
            }
            None => Target::Nowhere,
        }
    }

    /// `None` if there is no room for another column.
    fn look_up(&mut self, name: &str) -> Option<Target> {
        match self.layout.place(name) {
            Place::Column(i) => return Some(Target::Slot(i)),
            Place::Nowhere => return Some(Target::Nowhere),
            Place::Other => {}
        }
        if let Some(&slot) = self.index.get(name) {
            return Some(Target::Slot(slot));
        }
        if self.others.len() >= MAX_OTHER_COLUMNS {
            self.refused.get_or_insert_with(|| Reason::TooManyColumns {
                column: name.chars().take(64).collect(),
            });
            return None;
        }
        let slot = self.cells.len();
        self.cells.push(Cell::default());
        self.others.push(name.to_owned());
        self.index.insert(name.to_owned(), slot);
        Some(Target::Slot(slot))
    }

    pub(crate) fn set(&mut self, target: Target, kind: CellKind, start: usize, end: usize) {
        if let Target::Slot(slot) = target {
            self.cells[slot] = Cell { kind, start, end };
        }
    }

    /// The same for a value of a JSON object, which never ends at 0. An object with a key twice has two values for one column,
    /// and nobody can tell which of them was meant.
    #[inline]
    pub(crate) fn set_once(&mut self, target: Target, kind: CellKind, start: usize, end: usize) {
        if let Target::Slot(slot) = target {
            if self.cells[slot].end != 0 {
                self.refuse_second(slot);
            }
            self.cells[slot] = Cell { kind, start, end };
        }
    }

    #[cold]
    fn refuse_second(&mut self, slot: usize) {
        let columns = self.layout.columns();
        let name = match slot.checked_sub(columns.len()) {
            None => &columns[slot].name,
            Some(other) => &self.others[other],
        };
        self.refused.get_or_insert_with(|| Reason::Twice {
            column: name.clone(),
        });
    }

    /// Takes the reason why a value could not be placed.
    pub(crate) fn take_refusal(&mut self) -> Option<Reason> {
        self.refused.take()
    }

    /// The cells of the job's columns.
    pub(crate) fn job_cells(&self) -> &[Cell] {
        &self.cells[..self.layout.columns().len()]
    }

    /// The cells of the other columns.
    pub(crate) fn other_cells(&self) -> &[Cell] {
        &self.cells[self.layout.columns().len()..]
    }

    /// The names of the other columns.
    pub(crate) fn others(&self) -> &[String] {
        &self.others
    }

    /// Keeps the columns that the record brought.
    pub(crate) fn accept(&mut self) {
        self.accepted = self.others.len();
    }

    /// Takes away the columns that the record brought.
    pub(crate) fn reject(&mut self) {
        if self.accepted < self.others.len() {
            for name in self.others.drain(self.accepted..) {
                self.index.remove(&name);
            }
            self.cells
                .truncate(self.layout.columns().len() + self.accepted);
            // Some remembered names point to columns that are gone.
            self.expected.clear();
            self.expected_keys.clear();
        }
    }

    /// Forgets all other columns: the next batch has its own.
    pub(crate) fn reset(&mut self) {
        self.accepted = 0;
        self.reject();
    }
}
