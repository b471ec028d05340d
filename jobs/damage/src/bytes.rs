//! What disks, networks and hands do to a file.

use crate::Draw;

/// Bytes that mean something to some reader.
const ODD: &[u8] = b"\"\"\\\\,,;:'{}[]()=\t\r\n\0\x01\x7f\x80\xff\xef -+.eN09";

/// Numbers at the ends of what there is.
const EXTREME: [&str; 8] = [
    "0",
    "-1",
    "4294967295",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
    "-0.0",
    "null",
];

/// The longest stretch of bytes that one piece of damage touches, but for a line that stands twice.
const STRETCH: usize = 64;

/// The bytes with one to three pieces of damage. Damage may take itself back, so they can also be the same bytes.
#[must_use]
pub fn damaged(whole: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=draw.below(3) {
        damage(&mut bytes, draw);
    }
    bytes
}

/// One piece of damage.
pub fn damage(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if bytes.is_empty() {
        return;
    }
    let at = draw.below(bytes.len());
    let end = bytes.len().min(at + 1 + draw.below(STRETCH));
    let odd = ODD[draw.below(ODD.len())];
    match draw.below(14) {
        0 => bytes.truncate(at),
        1..=3 => bytes[at] ^= 1 << draw.below(8),
        4 => bytes[at] = odd,
        5 => bytes.insert(at, odd),
        6 => bytes[at] = draw.below(256) as u8,
        7 => drop(bytes.remove(at)),
        8 => drop(bytes.drain(at..end)),
        9 => bytes[at..end].fill(0),
        10 => {
            let part = bytes[at..end].to_vec();
            let to = draw.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        11 | 12 => {
            let number = EXTREME[draw.below(EXTREME.len())];
            let is_digit = |byte: &u8| byte.is_ascii_digit();
            let begin = bytes[at..].iter().position(is_digit);
            let begin = begin.map_or(bytes.len(), |begin| at + begin);
            let digits = bytes[begin..].iter().take_while(|byte| is_digit(byte));
            let end = begin + digits.count();
            bytes.splice(begin..end, number.bytes());
        }
        _ => twice(bytes, at),
    }
}

/// A line, or what stands between two bytes that happen to be line ends, stands twice.
fn twice(bytes: &mut Vec<u8>, at: usize) {
    let is_end = |byte: &u8| *byte == b'\n';
    let begin = bytes[..at]
        .iter()
        .rposition(is_end)
        .map_or(0, |end| end + 1);
    let end = bytes[at..].iter().position(is_end);
    let end = end.map_or(bytes.len(), |end| at + end + 1);
    let line = bytes[begin..end].to_vec();
    bytes.splice(begin..begin, line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_damage() {
        let whole = b"one\ntwo\nthree\n";
        let all = |seed| damaged(whole, &mut Draw::new(seed, 1));
        assert!((0..100).all(|seed| all(seed) == all(seed)));
        let changed = (0..100).filter(|seed| all(*seed) != whole).count();
        assert!(changed > 90, "{changed}");
        assert!(damaged(b"", &mut Draw::new(1, 1)).is_empty());
    }

    #[test]
    fn a_line_stands_twice() {
        for (at, expected) in [(1, "ab\nab\ncd"), (2, "ab\nab\ncd"), (3, "ab\ncdcd")] {
            let mut bytes = b"ab\ncd".to_vec();
            twice(&mut bytes, at);
            assert_eq!(bytes, expected.as_bytes());
        }
    }
}
