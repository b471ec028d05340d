//! What stood before each value of the last records, byte for byte.
//!
//! Records of one stream mostly have one order and one way to set blanks, so one comparison of bytes passes a key with
//! its quotes, the colon and the blanks, and says where the value goes, without a hash.

use crate::slots::Target;

/// How many leads are remembered; of a record with more keys, the others are looked up by name.
const MOST: usize = 1024;

/// The longest lead that is remembered, in bytes: no key that people gave is longer, and a record must not fill the memory.
const LONGEST: usize = 256;

/// How many keys a record may leave out at one place before its next key is looked up by name.
const MOST_LEFT_OUT: usize = 2;

/// The bytes from behind a comma, or the opening brace, up to a value: blanks, a key, blanks, a colon, blanks.
#[derive(Debug)]
struct Lead {
    bytes: Vec<u8>,
    target: Target,
}

/// The leads of the last records by position.
#[derive(Debug, Default)]
pub(crate) struct Leads {
    leads: Vec<Lead>,
    cursor: usize,
}

impl Leads {
    /// Begins a record.
    pub(crate) fn begin(&mut self) {
        self.cursor = 0;
    }

    /// Where the value of the key at `at` goes and begins, when that key was expected.
    #[inline]
    pub(crate) fn find(&mut self, bytes: &[u8], at: usize) -> Option<(Target, usize)> {
        let lead = self.leads.get(self.cursor)?;
        if begins_with(bytes.get(at..)?, &lead.bytes) {
            self.cursor += 1;
            return Some((lead.target, at + lead.bytes.len()));
        }
        self.find_behind(bytes, at)
    }

    #[cold]
    fn find_behind(&mut self, bytes: &[u8], at: usize) -> Option<(Target, usize)> {
        let rest = bytes.get(at..)?;
        let behind = self.leads.iter().enumerate().skip(self.cursor + 1);
        let (found, lead) = behind
            .take(MOST_LEFT_OUT)
            .find(|(_, lead)| begins_with(rest, &lead.bytes))?;
        self.cursor = found + 1;
        Some((lead.target, at + lead.bytes.len()))
    }

    /// Expects these bytes here from now on.
    pub(crate) fn learn(&mut self, bytes: &[u8], target: Target) {
        let at = self.cursor;
        self.cursor += 1;
        if bytes.len() > LONGEST {
            return;
        }
        if let Some(lead) = self.leads.get_mut(at) {
            lead.bytes.clear();
            lead.bytes.extend_from_slice(bytes);
            lead.target = target;
        } else if at == self.leads.len() && at < MOST {
            let bytes = bytes.to_vec();
            self.leads.push(Lead { bytes, target });
        }
    }

    /// Forgets all: targets have moved.
    pub(crate) fn clear(&mut self) {
        self.leads.clear();
    }
}

/// `starts_with` without a call, which would take as long as all the rest: leads are short.
#[inline]
fn begins_with(bytes: &[u8], lead: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..lead.len()) else {
        return false;
    };
    match (bytes.last_chunk::<8>(), lead.last_chunk::<8>()) {
        // The last words of both may overlap the ones before.
        (Some(last), Some(lead_last)) => {
            last == lead_last
                && bytes
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .zip(lead.as_chunks::<8>().0)
                    .all(|(a, b)| a == b)
        }
        _ => bytes.iter().zip(lead).all(|(a, b)| a == b),
    }
}
