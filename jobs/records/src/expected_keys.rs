//! The keys of the last records, byte for byte as they stood before their values.
//!
//! Records of one stream mostly have one order and one way to set blanks. So one comparison of bytes passes a key with
//! its quotes, the colon and the blanks, and says where the value goes, without a hash.

use crate::cell::Target;

/// How many keys are remembered. The other keys of a longer record are looked up by name.
const MOST: usize = 1024;

/// The longest key that is remembered, in bytes: no key that people gave is longer, and a record must not fill the memory.
const LONGEST: usize = 256;

/// How many keys a record may leave out at one place before its next key is looked up by name.
const MOST_LEFT_OUT: usize = 2;

/// The bytes from behind a comma, or the opening brace, up to a value: blanks, a key, blanks, a colon, blanks.
#[derive(Debug)]
struct ExpectedKey {
    bytes: Vec<u8>,
    target: Target,
}

/// The keys of the last records by position.
#[derive(Debug, Default)]
pub(crate) struct ExpectedKeys {
    keys: Vec<ExpectedKey>,
    cursor: usize,
}

impl ExpectedKeys {
    /// Begins a record.
    pub(crate) fn begin(&mut self) {
        self.cursor = 0;
    }

    /// Where the value of the key at `at` goes and begins, when that key was expected.
    #[inline]
    pub(crate) fn find(&mut self, bytes: &[u8], at: usize) -> Option<(Target, usize)> {
        let key = self.keys.get(self.cursor)?;
        if begins_with(bytes.get(at..)?, &key.bytes) {
            self.cursor += 1;
            return Some((key.target, at + key.bytes.len()));
        }
        self.find_behind(bytes, at)
    }

    #[cold]
    fn find_behind(&mut self, bytes: &[u8], at: usize) -> Option<(Target, usize)> {
        let rest = bytes.get(at..)?;
        let behind = self.keys.iter().enumerate().skip(self.cursor + 1);
        let (found, key) = behind
            .take(MOST_LEFT_OUT)
            .find(|(_, key)| begins_with(rest, &key.bytes))?;
        self.cursor = found + 1;
        Some((key.target, at + key.bytes.len()))
    }

    /// Expects these bytes here from now on.
    pub(crate) fn learn(&mut self, bytes: &[u8], target: Target) {
        let at = self.cursor;
        self.cursor += 1;
        if bytes.len() > LONGEST {
            return;
        }
        if let Some(key) = self.keys.get_mut(at) {
            key.bytes.clear();
            key.bytes.extend_from_slice(bytes);
            key.target = target;
        } else if at == self.keys.len() && at < MOST {
            let bytes = bytes.to_vec();
            self.keys.push(ExpectedKey { bytes, target });
        }
    }

    /// Forgets all: targets have moved.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
    }
}

/// `starts_with` without a call, which would take as long as all the rest: keys are short.
#[inline]
fn begins_with(bytes: &[u8], key: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..key.len()) else {
        return false;
    };
    match (bytes.last_chunk::<8>(), key.last_chunk::<8>()) {
        // The last words of both may overlap the ones before.
        (Some(last), Some(key_last)) => {
            last == key_last
                && bytes
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .zip(key.as_chunks::<8>().0)
                    .all(|(a, b)| a == b)
        }
        _ => bytes.iter().zip(key).all(|(a, b)| a == b),
    }
}
