//! A folder on this machine by how a user names it: a path, or a `file://` url.

use std::path::{Component, Path, PathBuf};

use crate::StoreError;

/// The scheme of a location, and what follows `://`; none for a path.
///
/// A Windows drive or a folder with a colon has no `://`; a scheme has nothing but letters, digits, `+`, `-` and `.`.
pub(crate) fn scheme_of(location: &str) -> Option<(String, &str)> {
    let (scheme, rest) = location.split_once("://")?;
    let letters = scheme
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    letters.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The folder that a path names, absolute, without `..`, and without links as far as the path exists.
pub(crate) fn folder_of_path(path: &str, location: &str) -> Result<PathBuf, StoreError> {
    if path.is_empty() {
        return Err(wrong(location, "it is empty"));
    }
    resolve(Path::new(path)).map_err(|e| wrong(location, &e.to_string()))
}

/// The path in a `file://` url. `rest` is what follows `file://`: a host, which must be this one, and a path with `%20`
/// and the like.
pub(crate) fn path_of_url(location: &str, rest: &str) -> Result<String, StoreError> {
    let path = rest
        .strip_prefix("localhost")
        .filter(|p| p.starts_with('/'))
        .unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(wrong(
            location,
            "a file url holds an absolute path, as in file:///data/batch",
        ));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [left.next(), left.next()].map(|d| d.and_then(|d| (d as char).to_digit(16)));
        match digits {
            [Some(high), Some(low)] => bytes.push((high * 16 + low) as u8),
            _ => {
                return Err(wrong(
                    location,
                    "a % in a url is followed by two hex digits",
                ));
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong(location, "its path is not utf-8"))
}

fn wrong(location: &str, reason: &str) -> StoreError {
    StoreError::Location {
        location: location.to_owned(),
        reason: reason.to_owned(),
    }
}

/// An absolute path without `..`, and without links as far as the path exists. Object stores take only such paths.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut there = absolute.clone();
    let mut missing = Vec::new();
    let mut resolved = loop {
        match there.canonicalize() {
            Ok(found) => break found,
            // A file in the middle of the path, or a folder we may not look into, is reported by the first access.
            Err(_) => match there.components().next_back() {
                Some(Component::RootDir | Component::Prefix(_)) | None => break there.clone(),
                Some(last) => {
                    missing.push(last.as_os_str().to_owned());
                    there.pop();
                }
            },
        }
    };
    for part in missing.into_iter().rev() {
        if part == ".." {
            resolved.pop();
        } else if part != "." {
            resolved.push(part);
        }
    }
    Ok(resolved)
}
