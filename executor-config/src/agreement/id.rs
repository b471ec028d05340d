//! Checks the ids of Ballista jobs, sessions and executors that other processes send.

use tonic::Status;

/// The most bytes of an id. The ids that Ballista makes have up to 36.
const LONGEST: usize = 64;

/// Checks that a text is an id: letters, digits, `-` and `_`. Ids become names of folders and stand in logs. `what` says for a
/// refusal what the id is of.
///
/// # Errors
/// A status with the code `INVALID_ARGUMENT`.
pub fn check(what: &str, id: &str) -> Result<(), Status> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !id.is_empty() && id.len() <= LONGEST && id.bytes().all(allowed) {
        return Ok(());
    }
    let shown: String = id.chars().take(LONGEST).collect();
    Err(Status::invalid_argument(format!(
        "{shown:?} is no id ({what}): an id may have up to {LONGEST} letters, digits, - and _"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_words() {
        for id in [
            "job1",
            "aB3dE7z",
            "7f9c24e8-3b1a-4c2d-9e5f-0123456789ab",
            "_-",
        ] {
            assert!(check("session", id).is_ok(), "{id}");
        }
        let long = "x".repeat(LONGEST + 1);
        for id in [
            "", ".", "..", "../x", "a/b", "a\\b", "a b", "a\nb", "\u{e9}", &long,
        ] {
            assert!(check("session", id).is_err(), "{id:?}");
        }
    }
}
