//! The errors of an object store's client, by what the caller can do about them.

use object_store::Error;

use crate::{
    StoreError,
    s3::errors::{Kind, Trouble},
};

/// Whether the object does not have the bytes that were asked for.
pub(super) fn is_no_such_range(error: &Error) -> bool {
    kind(error) == Some(Kind::NoSuchRange)
}

/// Whether the store does not know the operation.
pub(super) fn is_not_implemented(error: &StoreError) -> bool {
    let StoreError::Failed { source, .. } = error else {
        return false;
    };
    source.downcast_ref::<Error>().is_some_and(|error| {
        matches!(error, Error::NotImplemented { .. }) || kind(error) == Some(Kind::NotImplemented)
    })
}

/// An error of a client, by what the caller can do about it.
pub(super) fn error_of(action: &'static str, path: String, source: Error) -> StoreError {
    let trouble = Trouble::of(&source);
    let bucket = trouble.map(|it| it.bucket.clone()).unwrap_or_default();
    let endpoint = trouble.map(|it| it.endpoint.clone()).unwrap_or_default();
    match (trouble.map(|it| it.kind), &source) {
        (Some(Kind::NoBucket), _) => StoreError::NoBucket {
            path,
            bucket,
            endpoint,
        },
        (Some(Kind::Credentials), _) => StoreError::Credentials {
            action,
            path,
            endpoint,
            source: source.into(),
        },
        (Some(Kind::Region), _) => StoreError::Region {
            path,
            bucket,
            source: source.into(),
        },
        (Some(Kind::Unreachable), _) => StoreError::Unreachable {
            action,
            path,
            endpoint,
            source: source.into(),
        },
        (Some(Kind::Denied), _)
        | (_, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => {
            StoreError::Denied {
                action,
                path,
                source: source.into(),
            }
        }
        (_, Error::NotFound { .. }) => StoreError::NotFound { path },
        _ => StoreError::Failed {
            action,
            path,
            source: source.into(),
        },
    }
}

fn kind(error: &Error) -> Option<Kind> {
    Trouble::of(error).map(|trouble| trouble.kind)
}
