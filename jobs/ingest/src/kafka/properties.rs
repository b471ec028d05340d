//! A file of client properties. Invariant: no value is ever shown, because it may be a secret.

use std::path::Path;

use crate::Error;
use crate::input::unreadable;

/// Reads properties of librdkafka from a file: one `key=value` per line, as in Kafka's own `client.properties`. Empty
/// lines and lines that begin with `#` or `!` are left out. Blanks around key and value do not count.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): a file that cannot be read, a line that is not a property.
pub fn read_properties(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let text = gugus_error::read_regular_text(path).map_err(|e| unreadable(path, e))?;
    let mut properties = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let pair = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()));
        let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) else {
            let reason = format!(
                "line {} is not a property; write key=value, and # before a comment",
                at + 1
            );
            return Err(Error::usage(path.display(), reason));
        };
        properties.push((key.to_owned(), value.to_owned()));
    }
    Ok(properties)
}

/// The property of librdkafka in place of one that only Java's clients have.
pub(crate) fn instead_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "sasl.jaas.config" => "sasl.username and sasl.password",
        "ssl.truststore.location" | "ssl.truststore.certificates" => {
            "ssl.ca.location, a file of PEM certificates"
        }
        "ssl.truststore.password" | "ssl.truststore.type" => "ssl.ca.location alone",
        "ssl.keystore.type" | "ssl.keystore.key" | "ssl.keystore.certificate.chain" => {
            "ssl.certificate.location and ssl.key.location, files in PEM"
        }
        "sasl.login.callback.handler.class" | "sasl.client.callback.handler.class" => {
            "sasl.oauthbearer.config"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.properties");
        std::fs::write(&path, text).unwrap();
        read_properties(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_properties_and_comments_are_not() {
        let text = "# ours\n\n security.protocol = SASL_SSL\n! old\nsasl.password=a=b #c\nempty=\n";
        let pairs = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.password", "a=b #c"),
            ("empty", ""),
        ];
        assert_eq!(
            read(text).unwrap(),
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_line_that_is_none_is_named_by_its_number_alone() {
        let error = read("a=1\nsecret\n").unwrap_err();
        assert!(
            error.contains("line 2") && !error.contains("secret"),
            "{error}"
        );
        assert!(read("=x").is_err());
    }
}
