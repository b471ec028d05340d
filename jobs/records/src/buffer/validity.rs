//! The rows of a growing column that have a value.
//!
//! Arrow's builder resizes its bitmap with every row. This one writes one bit per row, and nothing before the first null.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// One bit for each row: whether it has a value.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    /// The bits, the lowest first. Bits behind the last row are 0. Empty as long as no row was null.
    bits: Vec<u8>,
    rows: usize,
}

impl Validity {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    #[inline]
    pub(crate) fn push_value(&mut self) {
        let bit = self.rows % 8;
        self.rows += 1;
        if self.bits.is_empty() {
            return;
        }
        match self.bits.last_mut() {
            Some(last) if bit != 0 => *last |= 1 << bit,
            _ => self.bits.push(1),
        }
    }

    #[inline]
    pub(crate) fn push_null(&mut self) {
        if self.bits.is_empty() {
            self.bits.resize(self.rows.div_ceil(8), u8::MAX);
            self.clear_behind();
        }
        if self.rows.is_multiple_of(8) {
            self.bits.push(0);
        }
        self.rows += 1;
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows < self.rows {
            self.rows = rows;
            self.bits.truncate(rows.div_ceil(8));
            self.clear_behind();
        }
    }

    /// Appends the rows of an array.
    pub(crate) fn extend(&mut self, nulls: Option<&NullBuffer>, rows: usize) {
        match nulls {
            None if self.bits.is_empty() => self.rows += rows,
            None => (0..rows).for_each(|_| self.push_value()),
            Some(nulls) => {
                for valid in nulls {
                    if valid {
                        self.push_value();
                    } else {
                        self.push_null();
                    }
                }
            }
        }
    }

    /// Takes the nulls of all rows, if there are any. Afterwards there are no rows.
    pub(crate) fn finish(&mut self) -> Option<NullBuffer> {
        let rows = std::mem::take(&mut self.rows);
        if self.bits.is_empty() {
            return None;
        }
        let bits = Buffer::from_vec(std::mem::take(&mut self.bits));
        let nulls = NullBuffer::new(BooleanBuffer::new(bits, 0, rows));
        (nulls.null_count() > 0).then_some(nulls)
    }

    /// Sets the bits behind the last row to 0.
    fn clear_behind(&mut self) {
        let used = self.rows % 8;
        if used != 0
            && let Some(last) = self.bits.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::NullBufferBuilder;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Value,
        Null,
        Truncate(usize),
        Extend(Option<Vec<bool>>),
        Finish,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            12 => Just(Step::Value),
            4 => Just(Step::Null),
            1 => (0_usize..40).prop_map(Step::Truncate),
            1 => prop::option::of(prop::collection::vec(any::<bool>(), 0..20)).prop_map(Step::Extend),
            1 => Just(Step::Finish),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_was_pushed(steps in prop::collection::vec(step(), 0..120)) {
            let (mut ours, mut model) = (Validity::default(), Vec::new());
            for step in steps.into_iter().chain([Step::Finish]) {
                match step {
                    Step::Value => { ours.push_value(); model.push(true); }
                    Step::Null => { ours.push_null(); model.push(false); }
                    Step::Truncate(rows) => { ours.truncate(rows); model.truncate(rows); }
                    Step::Extend(None) => { ours.extend(None, 5); model.extend([true; 5]); }
                    Step::Extend(Some(rows)) => {
                        let nulls = NullBuffer::from(rows.clone());
                        ours.extend(Some(&nulls), rows.len());
                        model.extend(rows);
                    }
                    Step::Finish => {
                        prop_assert_eq!(ours.rows(), model.len());
                        let mut expected = NullBufferBuilder::new(0);
                        model.drain(..).for_each(|valid| expected.append(valid));
                        prop_assert_eq!(ours.finish(), expected.finish());
                    }
                }
            }
        }
    }
}
