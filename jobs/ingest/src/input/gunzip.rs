//! Unpacking of gzip. Invariant: zeros behind the last packed part are padding, as `gzip` takes them; other bytes are damage.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Unpacks all parts of a packed file, one after the other. `None` at the end.
pub(super) struct Gunzip<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(packed: R) -> Self {
        Self(Some(GzDecoder::new(packed)))
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = &mut self.0 {
            let length = part.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let Some(mut packed) = self.0.take().map(GzDecoder::into_inner) else {
                break;
            };
            if has_another_part(&mut packed)? {
                self.0 = Some(GzDecoder::new(packed));
            }
        }
        Ok(0)
    }
}

fn has_another_part(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = packed.fill_buf()?;
        match bytes.iter().position(|byte| *byte != 0) {
            Some(zeros) if bytes.get(zeros) == Some(&0x1f) => {
                packed.consume(zeros);
                return Ok(true);
            }
            Some(_) => {
                let reason = "other bytes follow the packed ones";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            None if bytes.is_empty() => return Ok(false),
            None => {
                let zeros = bytes.len();
                packed.consume(zeros);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn parts_are_joined_zeros_are_padding_and_other_bytes_are_damage() {
        let two = [packed("a\n"), packed(""), packed("b\n")].concat();
        let zeros = vec![0; 10_000];
        let cases: [(Vec<u8>, Option<&str>); 6] = [
            (two.clone(), Some("a\nb\n")),
            ([&two[..], &zeros].concat(), Some("a\nb\n")),
            ([&two[..], &zeros, &two].concat(), Some("a\nb\na\nb\n")),
            ([&two[..], b"x"].concat(), None),
            ([&two[..], &zeros, b"\x1f\x8bx"].concat(), None),
            (two[..two.len() - 3].to_vec(), None),
        ];
        for (at, (bytes, expected)) in cases.into_iter().enumerate() {
            // Small buffers, so that parts and zeros end anywhere in them.
            for capacity in [1, 7, 128 * 1024] {
                let reader = io::BufReader::with_capacity(capacity, bytes.as_slice());
                let mut text = String::new();
                let read = Gunzip::new(reader).read_to_string(&mut text);
                match expected {
                    Some(expected) => assert_eq!((text.as_str(), read.is_ok()), (expected, true)),
                    None => assert!(read.is_err(), "{at}"),
                }
            }
        }
    }
}
