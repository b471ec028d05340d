//! The problems of tensors.

use std::borrow::Cow;

use crate::problem::{Code, Problem};

/// A tensor that is not what it has to be.
pub(super) fn wrong(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::WrongValue, detail)
}

/// The problem of a tensor that has not as many elements as its shape says.
pub(super) fn wrong_count(found: usize, wanted: usize) -> Problem {
    wrong(format!(
        "it has {found} elements, and its shape says {wanted}"
    ))
}
