//! Settings of jobs without values that may be secrets. Whatever shows settings asks here.

use std::collections::BTreeMap;

use gugus_pages::configuration::{HIDDEN, may_be_secret};

/// Hides each value whose setting is neither Ballista's nor DataFusion's, or whose name contains a word such as `token`.
pub(super) fn without_secrets(mut settings: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for (name, value) in &mut settings {
        let known = name.starts_with("ballista.") || name.starts_with("datafusion.");
        if (!known || may_be_secret(name)) && !value.is_empty() {
            HIDDEN.clone_into(value);
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let settings = [
            ("datafusion.execution.batch_size", "8192"),
            ("ballista.job.name", "crime run 1"),
            ("s3.secret_access_key", "hunter2"),
            ("datafusion.s3.session_token", "hunter2"),
            ("our.own", "hunter2"),
            ("datafusion.format.null", ""),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shown = without_secrets(settings.into());
        assert!(shown.values().all(|value| value != "hunter2"), "{shown:?}");
        assert_eq!(
            shown
                .get("datafusion.execution.batch_size")
                .map(String::as_str),
            Some("8192")
        );
        assert_eq!(
            shown.get("ballista.job.name").map(String::as_str),
            Some("crime run 1")
        );
        assert_eq!(shown.get("our.own").map(String::as_str), Some(HIDDEN));
    }
}
