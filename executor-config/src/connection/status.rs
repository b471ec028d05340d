//! A failed gRPC call in words for a person.

use std::error::Error;
use std::fmt;

use tonic::Status;

/// The status of a call, in words for a person. [`Status`] itself shows headers and causes in the debug form of Rust.
#[derive(Debug)]
pub struct GrpcError(Box<Status>);

impl GrpcError {
    /// The whole status.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.0
    }
}

impl From<Status> for GrpcError {
    fn from(status: Status) -> Self {
        Self(Box::new(status))
    }
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.message() {
            "" => self.0.code().fmt(f),
            message => f.write_str(message),
        }
    }
}

impl Error for GrpcError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_the_message_or_what_the_code_means_and_no_headers() {
        let mut status = Status::unavailable("the scheduler ends");
        status.metadata_mut().insert("x", "y".parse().unwrap());
        assert_eq!(GrpcError::from(status).to_string(), "the scheduler ends");
        let silent = GrpcError::from(Status::unavailable(""));
        assert!(silent.to_string().contains("unavailable"), "{silent}");
        assert_eq!(silent.status().code(), tonic::Code::Unavailable);
    }
}
