//! Problems as statuses of gRPC, and the other way round.

use std::fmt;
use std::sync::Arc;

use tonic::{Code, Status};

use crate::problem::{self, Problem};

/// The problem behind a status of ours.
#[derive(Debug)]
struct Cause(Problem);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.detail())
    }
}

impl std::error::Error for Cause {}

/// A problem by the codes of gRPC.
pub(super) fn status(problem: &Problem) -> Status {
    let detail = problem.detail();
    let mut status = match (problem.code(), problem.status().as_u16()) {
        (problem::Code::UnknownPath, _) => Status::unimplemented(detail),
        (_, 401) => Status::unauthenticated(detail),
        (_, 403 | 421) => Status::permission_denied(detail),
        (_, 404) => Status::not_found(detail),
        (_, 413) => Status::resource_exhausted(detail),
        (_, 503) => Status::unavailable(detail),
        _ => Status::invalid_argument(detail),
    };
    status.set_source(Arc::new(Cause(problem.clone())));
    status
}

/// The problem that a status tells, of ours or of tonic.
pub(super) fn problem(status: &Status) -> Problem {
    let source = std::error::Error::source(status);
    let cause = source.and_then(|source| source.downcast_ref::<Cause>());
    if let Some(Cause(problem)) = cause {
        return problem.clone();
    }
    let code = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => problem::Code::BodyTooLarge,
        // A compression that is not read.
        Code::Unimplemented => problem::Code::UnsupportedMediaType,
        Code::InvalidArgument => problem::Code::WrongValue,
        _ => problem::Code::BodyCutOff,
    };
    Problem::new(code, status.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_its_problem() {
        for (code, told) in [
            (problem::Code::NotFinite, Code::InvalidArgument),
            (problem::Code::Unauthorized, Code::Unauthenticated),
            (problem::Code::ForeignPage, Code::PermissionDenied),
            (problem::Code::WrongHost, Code::PermissionDenied),
            (problem::Code::UnknownPath, Code::Unimplemented),
            (problem::Code::UnknownModel, Code::NotFound),
            (problem::Code::TooManyRecords, Code::ResourceExhausted),
            (problem::Code::Busy, Code::Unavailable),
        ] {
            let given = Problem::new(code, "why");
            let made = status(&given);
            assert_eq!((made.code(), made.message()), (told, "why"));
            assert_eq!(problem(&made), given);
        }
        let of_tonic = problem(&Status::out_of_range("message length too large"));
        assert_eq!(of_tonic.status().as_u16(), 413);
    }
}
