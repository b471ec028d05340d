//! Text that a terminal obeys: it moves the cursor, changes a title, or turns the direction of what follows.

use crate::kit::process::Output;
use crate::kit::same::short;

/// A color, the beginning of the line, an override of the direction, a title with its end, and one byte for `ESC [`.
pub(crate) const RAW: &str = "\u{1b}[31m\r\u{202e}\u{1b}]0;title\u{7}\u{9b}2J";

/// The same in a text of TOML or JSON.
pub(crate) const ESCAPED: &str = "\\u001b[31m\\r\\u202e\\u001b]0;title\\u0007\\u009b2J";

/// The sign by which a message shows that the text was there.
pub(crate) const SHOWN: &str = "\\u{1b}";

/// Fails the test if a command printed a character that a terminal obeys, beside tabs and the ends of lines.
#[track_caller]
pub(crate) fn plain(output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(obeyed), "{:?}", short(text));
    }
}

/// As [`plain`], and the text must have been shown somewhere, written out.
#[track_caller]
pub(crate) fn written_out(output: &Output) {
    plain(output);
    let all = [&*output.stdout, &*output.stderr].concat();
    assert!(all.contains(SHOWN), "{}", short(&all));
}

fn obeyed(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}
