//! Commands to copy.

/// The command that submits a run. A folder of models or a scheduler that is not known stands in capitals.
pub(crate) fn submit(models: Option<&str>, scheduler: Option<&str>) -> String {
    let models = models.map_or_else(|| "DIR".to_owned(), shell_word);
    let scheduler = scheduler.unwrap_or("df://HOST:PORT");
    format!("gugus submit --job JOB.toml --batches DIR --models {models} --scheduler {scheduler}")
}

/// A text as one word of a shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(shell_word("/data/m"), "/data/m");
        assert_eq!(shell_word("a'b; rm"), "'a'\\''b; rm'");
        assert_eq!(
            submit(Some("/a b"), None),
            "gugus submit --job JOB.toml --batches DIR --models '/a b' --scheduler df://HOST:PORT"
        );
    }
}
