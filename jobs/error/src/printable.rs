//! Foreign text on a terminal.
//!
//! Names of columns, models and runs may hold any character. A terminal obeys some characters: it moves the cursor, changes
//! its title, or shows a text from right to left. So messages write these characters out.

use std::borrow::Cow;

/// The text with its control characters written out, as in `\u{1b}`. Tabs and the ends of lines stay.
///
/// ```
/// assert_eq!(gugus_error::printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\n");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    written_out(text, |printable, character| {
        printable.extend(character.escape_unicode());
    })
}

/// As [`printable`], for a JSON document, which stays the same document: JSON writes such a character as `\u009b`.
///
/// ```
/// assert_eq!(gugus_error::printable_json("\"a\u{9b}2J\""), r#""a\u009b2J""#);
/// ```
#[must_use]
pub fn printable_json(text: &str) -> Cow<'_, str> {
    written_out(text, |printable, character| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            printable.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn written_out(text: &str, write_out: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if commands(character) {
            write_out(&mut printable, character);
        } else {
            printable.push(character);
        }
    }
    Cow::Owned(printable)
}

/// Whether a terminal does something at this character other than to show it.
fn commands(character: char) -> bool {
    turns_text(character) || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// Whether a terminal shows the text after this character in another direction.
#[must_use]
pub fn turns_text(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, shown) in [
            ("größe, 広さ\t1\n", "größe, 広さ\t1\n"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\rb\u{9b}2J", "a\\u{d}b\\u{9b}2J"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
