//! What a format of records has to do.

use std::fmt::Debug;

use crate::Reason;
use crate::csv::Cells;
use crate::layout::Layout;
use crate::slots::Slots;

/// Takes the records of one format apart.
pub(crate) trait ReadRecords: Debug + Send + Sync {
    /// Finds the cells of all columns in a record. Returns the text in which the cells stand.
    fn read<'t>(
        &'t mut self,
        record: &'t [u8],
        layout: &Layout,
        slots: &mut Slots,
    ) -> Result<&'t str, Reason>;
}

/// Makes records of one format from the rows of a file.
pub(crate) trait WriteRecords: Debug + Send + Sync {
    /// Writes a row behind the end of `record`, which is empty. Cells that the row lacks are left out or empty.
    ///
    /// # Errors
    /// The fault of the row.
    fn write(&self, cells: Cells<'_>, record: &mut Vec<u8>) -> Result<(), String>;
}
