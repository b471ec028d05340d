//! What a format of records has to do.

use std::fmt::Debug;

use crate::Reason;
use crate::layout::Layout;
use crate::slots::Slots;

/// Takes the records of one format apart.
pub(crate) trait RecordFormat: Debug + Send + Sync {
    /// Finds the cells of all columns in a record. Returns the text in which the cells stand.
    fn read<'t>(
        &'t mut self,
        record: &'t [u8],
        layout: &Layout,
        slots: &mut Slots,
    ) -> Result<&'t str, Reason>;
}
