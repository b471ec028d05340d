//! The list of the kinds of training.

mod all;
mod batches;
mod chains;
mod windows;

use crate::kind::TrainingKind;

/// Every kind, in the order in which they train. The last one that takes a model trains it: a special case of a kind
/// stands after that kind.
pub(crate) fn kinds() -> Vec<Box<dyn TrainingKind>> {
    vec![
        Box::new(batches::PerBatch::default()),
        Box::new(chains::Chains::default()),
        Box::new(all::OverAll::default()),
        Box::new(windows::Windows::default()),
    ]
}
