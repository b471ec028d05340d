//! Headers of Parquet's pages. They are structs in Thrift's compact protocol, and the parquet crate does not give them.

/// How deep values may lie in each other. The parquet crate has the same limit.
const DEPTH: usize = 64;

/// What the header of a page says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Of header and page, as they lie in the file.
    pub(crate) length: u64,
    pub(crate) unpacked: u64,
}

/// Why bytes are no page header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// They end within it.
    CutOff,
    /// The parquet crate does not read it either.
    Unreadable,
    /// No writer makes such a header. The parquet crate might read it otherwise than this module.
    Damaged,
}

type Parsed<T> = std::result::Result<T, Bad>;

/// The header at the beginning of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<Page> {
    let mut rest = bytes;
    let sizes = header(&mut rest)?;
    let header = (bytes.len() - rest.len()) as u64;
    let [unpacked, packed] = sizes.map(|size| {
        // The parquet crate would cut a larger number off.
        let size = i32::try_from(size.ok_or(Bad::Unreadable)?).map_err(|_| Bad::Damaged)?;
        u64::try_from(size).map_err(|_| Bad::Unreadable)
    });
    Ok(Page {
        unpacked: unpacked?,
        length: header.saturating_add(packed?),
    })
}

/// Types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// The type of a page that holds an index.
const INDEX_PAGE: i32 = 1;

/// The fields of a page header: the sizes of the page, unpacked and packed. The types of the first eight fields are fixed.
/// The parquet crate takes them for granted, so another type would let it read another header than this one.
fn header(rest: &mut &[u8]) -> Parsed<[Option<i64>; 2]> {
    const TYPES: [u8; 8] = [I32, I32, I32, I32, STRUCT, STRUCT, STRUCT, STRUCT];
    let mut sizes = [None; 2];
    let mut last = 0;
    while let Some((id, of)) = field(rest, last)? {
        last = id;
        let known = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let known = known.filter(|known| *known < TYPES.len());
        if known.is_some_and(|known| TYPES[known] != of) {
            return Err(Bad::Damaged);
        }
        match known {
            // Nobody writes pages of an index. The parquet crate passes over them, once by taking their bytes for a header.
            Some(0) if signed(rest)? as i32 == INDEX_PAGE => return Err(Bad::Damaged),
            Some(0) => {}
            Some(1) => sizes[0] = Some(signed(rest)?),
            Some(2) => sizes[1] = Some(signed(rest)?),
            Some(4) => of_types(rest, &[I32, I32, I32, I32, STRUCT])?,
            Some(5) => of_types(rest, &[])?,
            Some(6) => of_types(rest, &[I32, I32, TRUE])?,
            Some(7) => of_types(rest, &[I32, I32, I32, I32, I32, I32, TRUE, STRUCT])?,
            _ => skip(rest, of, DEPTH)?,
        }
    }
    Ok(sizes)
}

/// Skips a struct whose first fields have these types.
fn of_types(rest: &mut &[u8], types: &[u8]) -> Parsed<()> {
    /// The statistics of a page, the only struct within such a struct.
    const STATISTICS: [u8; 8] = [BINARY, BINARY, I64, I64, BINARY, BINARY, TRUE, TRUE];
    let mut last = 0;
    while let Some((id, of)) = field(rest, last)? {
        last = id;
        let known = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let known = known.and_then(|known| types.get(known));
        // A boolean is its type.
        let is = if of == FALSE { TRUE } else { of };
        match known {
            Some(known) if *known != is => return Err(Bad::Damaged),
            Some(&STRUCT) => of_types(rest, &STATISTICS)?,
            _ => skip(rest, of, DEPTH)?,
        }
    }
    Ok(())
}

/// Number and type of the next field; nothing at the end of the struct. The parquet crate would cut a larger number off.
fn field(rest: &mut &[u8], last: i16) -> Parsed<Option<(i16, u8)>> {
    let head = byte(rest)?;
    let of = head & 0x0f;
    if of == 0 {
        return Ok(None);
    }
    let id = match head >> 4 {
        0 => i16::try_from(signed(rest)?).ok(),
        more => last.checked_add(i16::from(more)),
    };
    Ok(Some((id.ok_or(Bad::Damaged)?, of)))
}

fn skip(rest: &mut &[u8], of: u8, depth: usize) -> Parsed<()> {
    let depth = depth.checked_sub(1).ok_or(Bad::Damaged)?;
    match of {
        TRUE | FALSE => Ok(()),
        BYTE => take(rest, 1),
        I16 | I32 | I64 => signed(rest).map(drop),
        DOUBLE => take(rest, 8),
        BINARY => {
            let length = unsigned(rest)?;
            take(rest, length)
        }
        LIST | SET => {
            let head = byte(rest)?;
            let count = match head >> 4 {
                15 => count(rest)?,
                few => u64::from(few),
            };
            (0..count).try_for_each(|_| skip_element(rest, head & 0x0f, depth))
        }
        MAP => {
            let count = count(rest)?;
            if count == 0 {
                return Ok(());
            }
            let types = byte(rest)?;
            (0..count).try_for_each(|_| {
                skip_element(rest, types >> 4, depth)?;
                skip_element(rest, types & 0x0f, depth)
            })
        }
        STRUCT => {
            let mut last = 0;
            while let Some((id, of)) = field(rest, last)? {
                last = id;
                skip(rest, of, depth)?;
            }
            Ok(())
        }
        _ => Err(Bad::Damaged),
    }
}

/// Within lists and maps, a boolean is a byte. The parquet crate takes no byte, and no page header has such a list.
fn skip_element(rest: &mut &[u8], of: u8, depth: usize) -> Parsed<()> {
    match of {
        TRUE | FALSE => Err(Bad::Damaged),
        other => skip(rest, other, depth),
    }
}

fn count(rest: &mut &[u8]) -> Parsed<u64> {
    let count = unsigned(rest)?;
    match i32::try_from(count) {
        Ok(_) => Ok(count),
        Err(_) => Err(Bad::Unreadable),
    }
}

fn byte(rest: &mut &[u8]) -> Parsed<u8> {
    let (first, others) = rest.split_first().ok_or(Bad::CutOff)?;
    *rest = others;
    Ok(*first)
}

fn take(rest: &mut &[u8], length: u64) -> Parsed<()> {
    let others = usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(length..));
    *rest = others.ok_or(Bad::CutOff)?;
    Ok(())
}

/// As the parquet crate reads a number, also one of too many bytes.
fn unsigned(rest: &mut &[u8]) -> Parsed<u64> {
    let (mut number, mut shift) = (0, 0_u32);
    loop {
        let next = byte(rest)?;
        number |= u64::from(next & 0x7f).wrapping_shl(shift);
        if next < 0x80 {
            return Ok(number);
        }
        shift = shift.wrapping_add(7);
    }
}

fn signed(rest: &mut &[u8]) -> Parsed<i64> {
    let number = unsigned(rest)?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A page header: its type, both sizes, and a header of a data page with statistics.
    pub(crate) fn header_of(unpacked: i32, packed: i32, text: &str) -> Vec<u8> {
        let number = |number: i32| {
            let mut left = ((number << 1) ^ (number >> 31)) as u32;
            let mut bytes = Vec::new();
            while left >= 0x80 {
                bytes.push(left as u8 | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
            bytes
        };
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 0x80);
        let statistics = [&[0x18, length], text.as_bytes(), &[0x61, 0]].concat();
        [
            &[0x15, 0][..],
            &[0x15],
            &number(unpacked),
            &[0x15],
            &number(packed),
            &[0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c],
            &statistics,
            &[0, 0],
        ]
        .concat()
    }

    #[test]
    fn a_header_that_does_not_parse_is_an_error() {
        let honest = header_of(1, 0, "");
        for (header, bad) in [
            (&[][..], Bad::CutOff),
            (&honest[..honest.len() - 1], Bad::CutOff),
            // A list without an end, and one of more elements than there can be.
            (&[0x99, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07], Bad::CutOff),
            (&[0x99, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f], Bad::Unreadable),
            // No size.
            (&[0x15, 0, 0], Bad::Unreadable),
            // The size as a text.
            (&[0x28, 1, b'x', 0x15, 0, 0], Bad::Damaged),
            // A page of an index.
            (&[0x15, 2, 0x15, 2, 0x15, 2, 0], Bad::Damaged),
            // A negative size.
            (&header_of(-1, 0, ""), Bad::Unreadable),
            // A size of more bits than the parquet crate keeps.
            (
                &[0x25, 0x82, 0x80, 0x80, 0x80, 0x20, 0x15, 2, 0],
                Bad::Damaged,
            ),
            // The field 65538, which is the size when it is cut to 16 bits.
            (
                &[0x25, 2, 0x15, 2, 0x05, 0x84, 0x80, 0x08, 4, 0],
                Bad::Damaged,
            ),
            // Behind the sizes a list of one boolean, and a map of them.
            (&[0x25, 2, 0x15, 2, 0x79, 0x11, 0, 0], Bad::Damaged),
            (&[0x25, 2, 0x15, 2, 0x7b, 1, 0x31, 0, 0, 0], Bad::Damaged),
        ] {
            assert_eq!(parse(header), Err(bad), "{header:?}");
        }
    }
}
