//! Rows as JSON objects. Invariant: keys stand in the order of the columns, values are strings, cells stay as they are.

use std::io::Write;

/// The keys of every object, made once.
pub(super) struct Objects(Vec<Vec<u8>>);

impl Objects {
    pub(super) fn of(names: &[String]) -> Self {
        let key = |(at, name): (usize, &String)| {
            let mut key = vec![if at == 0 { b'{' } else { b',' }];
            string(&mut key, name);
            key.push(b':');
            key
        };
        Self(names.iter().enumerate().map(key).collect())
    }

    /// Writes a row over `out`. A row that is shorter than the header lacks its last keys.
    ///
    /// # Errors
    /// The fault of the row.
    pub(super) fn write<'c>(
        &self,
        cells: impl Iterator<Item = &'c [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        out.clear();
        for (at, (key, cell)) in self.0.iter().zip(cells).enumerate() {
            let cell = std::str::from_utf8(cell)
                .map_err(|_| format!("its cell {} is not UTF-8; convert the file", at + 1))?;
            out.extend_from_slice(key);
            string(out, cell);
        }
        if out.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    if serde_json::to_writer(&mut *out, text).is_err() {
        // Writing text to a vector does not fail. If it ever did, an empty string would keep the object whole.
        let _ = out.write_all(b"\"\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(names: &[&str], row: &[&[u8]]) -> Result<String, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut out = b"rest of the row before".to_vec();
        Objects::of(&names).write(row.iter().copied(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn cells_become_strings_as_they_are() {
        let json = write(
            &["DR_NO", "a \"b\"", "LAT"],
            &[b"0103", b" x\ty\\", b"34.048"],
        )
        .unwrap();
        assert_eq!(
            json,
            r#"{"DR_NO":"0103","a \"b\"":" x\ty\\","LAT":"34.048"}"#
        );
        assert_eq!(
            write(&["a", "b"], &[b"", "ä".as_bytes()]).unwrap(),
            r#"{"a":"","b":"ä"}"#
        );
    }

    #[test]
    fn short_rows_lack_keys_and_bytes_that_are_no_text_are_refused() {
        assert_eq!(write(&["a", "b"], &[b"1"]).unwrap(), r#"{"a":"1"}"#);
        assert!(write(&["a"], &[b"\xff"]).unwrap_err().contains("UTF-8"));
    }
}
