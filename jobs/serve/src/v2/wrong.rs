//! The problems of tensors.

use std::borrow::Cow;

use crate::problem::{Code, Problem};

/// The problem of a tensor that the model or the protocol does not take.
pub(super) fn wrong(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::WrongValue, detail)
}

/// The problem of a tensor whose shape says another number of elements.
pub(super) fn wrong_count(found: usize, wanted: usize) -> Problem {
    wrong(format!(
        "it has {found} elements, and its shape says {wanted}"
    ))
}
