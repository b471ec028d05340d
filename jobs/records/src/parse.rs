//! Text to numbers and truth values: one parser per type, for every format of records.
//!
//! Texts arrive trimmed and not empty. Nothing here allocates.

use crate::Misfit;

/// Calls `str::trim`, which decodes characters from both ends, only if there may be something to trim.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

/// A whole number of 64 bits. `0330`, `+5`, `3.0` and `3e2` are whole numbers, too.
pub(crate) fn int64(text: &str) -> Result<i64, Misfit> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => decimal(text.as_bytes()),
    }
}

/// A whole number of 32 bits.
pub(crate) fn int32(text: &str) -> Result<i32, Misfit> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => i32::try_from(decimal(text.as_bytes())?).map_err(|_| Misfit::Range),
    }
}

/// A float of 64 bits, also `nan` and `inf`.
pub(crate) fn float64(text: &str) -> Result<f64, Misfit> {
    if let Some(number) = short_float(text.as_bytes()) {
        return Ok(number);
    }
    let number: f64 = text.parse().map_err(|_| Misfit::Kind)?;
    if number.is_infinite() && !names_infinity(text) {
        Err(Misfit::Range)
    } else {
        Ok(number)
    }
}

/// A float of 32 bits, also `nan` and `inf`.
pub(crate) fn float32(text: &str) -> Result<f32, Misfit> {
    let number: f32 = text.parse().map_err(|_| Misfit::Kind)?;
    if number.is_infinite() && !names_infinity(text) {
        Err(Misfit::Range)
    } else {
        Ok(number)
    }
}

/// A truth value.
pub(crate) fn bool(text: &str) -> Result<bool, Misfit> {
    if text == "1" || text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text == "0" || text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(Misfit::Kind)
    }
}

/// A number of at most 15 digits with a decimal point, such as a coordinate or an amount; `None` for all others.
///
/// The digits and the power of ten are both exact floats, so their quotient is the nearest float. The general parser finds
/// the same float in twice the time.
fn short_float(text: &[u8]) -> Option<f64> {
    const MOST_DIGITS: usize = 15;
    const POWERS: [f64; MOST_DIGITS + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    if digits.len() > MOST_DIGITS + 1 {
        return None;
    }
    let mut number: u64 = 0;
    let mut point = None;
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    // Without a point there may be 16 digits, more than a float holds; without digits there is no number.
    let decimals = digits.len() - (point? + 1);
    if digits.len() < 2 {
        return None;
    }
    let number = number as f64 / POWERS.get(decimals)?;
    Some(if negative { -number } else { number })
}

/// Whether a text that parsed to an infinity spells out an infinity.
fn names_infinity(text: &str) -> bool {
    text.bytes().any(|b| matches!(b, b'n' | b'N'))
}

/// A whole number in decimal notation, exactly. A detour over `f64` would change digits beyond the 15th.
fn decimal(text: &[u8]) -> Result<i64, Misfit> {
    let (negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let point = mantissa.iter().position(|b| *b == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &mantissa[..0]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Misfit::Kind);
    }
    // The number is its digits times ten to the power of `scale`; each zero at the end moves into the scale.
    let mut number: i128 = 0;
    let mut zeros: u32 = 0;
    let mut too_long = false;
    for digit in whole.iter().chain(fraction) {
        let digit = digit
            .checked_sub(b'0')
            .filter(|d| *d <= 9)
            .ok_or(Misfit::Kind)?;
        if digit == 0 {
            zeros = zeros.saturating_add(u32::from(number != 0));
            continue;
        }
        // 20 digits are more than an i64 holds, and the rest can no longer bring the number into range.
        match power_of_ten(i64::from(zeros) + 1).and_then(|p| number.checked_mul(p)) {
            Some(shifted) if shifted < MOST => number = shifted + i128::from(digit),
            _ => too_long = true,
        }
        zeros = 0;
    }
    if number == 0 && !too_long {
        return Ok(0);
    }
    let scale = exponent + i64::from(zeros) - fraction.len() as i64;
    if scale < 0 {
        return Err(Misfit::Fraction);
    }
    if too_long {
        return Err(Misfit::Range);
    }
    let number = power_of_ten(scale)
        .and_then(|p| number.checked_mul(p))
        .ok_or(Misfit::Range)?;
    i64::try_from(if negative { -number } else { number }).map_err(|_| Misfit::Range)
}

/// Above every i64, and far below the end of an i128.
const MOST: i128 = 1 << 100;

fn power_of_ten(power: i64) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(power).ok()?)
}

/// The number after `e`. Beyond a million any value will do, because no number of 64 bits is that large or small.
fn exponent(text: &[u8]) -> Result<i64, Misfit> {
    let (sign, digits) = match text.split_first() {
        Some((b'-', rest)) => (-1, rest),
        Some((b'+', rest)) => (1, rest),
        _ => (1, text),
    };
    if digits.is_empty() {
        return Err(Misfit::Kind);
    }
    let mut exponent: i64 = 0;
    for digit in digits {
        let digit = digit
            .checked_sub(b'0')
            .filter(|d| *d <= 9)
            .ok_or(Misfit::Kind)?;
        exponent = (exponent * 10 + i64::from(digit)).min(1_000_000_000_000);
    }
    Ok(sign * exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_in_all_their_forms() {
        for (text, number) in [
            ("0330", 330),
            ("+5", 5),
            ("-0", 0),
            ("-2", -2),
            ("3.0", 3),
            ("3.", 3),
            ("1.5e1", 15),
            ("12e2", 1200),
            ("1200e-2", 12),
            ("0.000e99999999999999999999", 0),
            ("9223372036854775807.000", i64::MAX),
            ("-9223372036854775808.0", i64::MIN),
            ("00000000000000000000000000000000000000000000000000001.0", 1),
            ("9007199254740993.0", 9_007_199_254_740_993),
        ] {
            assert_eq!(int64(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn numbers_that_are_not_whole_or_do_not_fit_are_refused() {
        for (text, misfit) in [
            ("3.5", Misfit::Fraction),
            ("1e-1", Misfit::Fraction),
            ("1e-99999999999999999999", Misfit::Fraction),
            (
                "123456789012345678901234567890123456789012345.1",
                Misfit::Fraction,
            ),
            ("9223372036854775808", Misfit::Range),
            ("-9223372036854775809", Misfit::Range),
            ("1e19", Misfit::Range),
            ("1e99999999999999999999", Misfit::Range),
            (
                "123456789012345678901234567890123456789012345678",
                Misfit::Range,
            ),
            ("", Misfit::Kind),
            (".", Misfit::Kind),
            ("-", Misfit::Kind),
            ("1e", Misfit::Kind),
            ("e1", Misfit::Kind),
            ("1 2", Misfit::Kind),
            ("1_000", Misfit::Kind),
            ("0x10", Misfit::Kind),
            ("nan", Misfit::Kind),
            ("1.2.3", Misfit::Kind),
            ("--1", Misfit::Kind),
        ] {
            assert_eq!(int64(text), Err(misfit), "{text}");
        }
        assert_eq!(int32("2147483647.0"), Ok(i32::MAX));
        assert_eq!(int32("2147483648"), Err(Misfit::Range));
        assert_eq!(int32("3e9"), Err(Misfit::Range));
    }

    #[test]
    fn floats() {
        assert_eq!(float64("-118.2978"), Ok(-118.2978));
        assert!(float64("NaN").unwrap().is_nan());
        assert_eq!(float64("-inf"), Ok(f64::NEG_INFINITY));
        assert_eq!(float64("Infinity"), Ok(f64::INFINITY));
        assert_eq!(float64("1e999"), Err(Misfit::Range));
        assert_eq!(float64("north"), Err(Misfit::Kind));
        assert_eq!(float64("1,5"), Err(Misfit::Kind));
        assert_eq!(float32("0.1"), Ok(0.1));
        assert_eq!(float32("1e39"), Err(Misfit::Range));
    }

    #[test]
    fn truth() {
        for text in ["true", "TRUE", "True", "1"] {
            assert_eq!(bool(text), Ok(true));
        }
        for text in ["false", "False", "0"] {
            assert_eq!(bool(text), Ok(false));
        }
        for text in ["yes", "2", "t", "1.0"] {
            assert_eq!(bool(text), Err(Misfit::Kind));
        }
    }

    proptest! {
        #[test]
        fn short_floats_are_those_of_the_general_parser(text in "-?[0-9]{0,16}\\.[0-9]{0,16}|[-.0-9e]{0,4}", digits in any::<u64>(), at in 0_usize..18) {
            let mut long = digits.to_string();
            long.truncate(15);
            long.insert(at.min(long.len()), '.');
            for text in [text, format!("-{long}"), long] {
                if let Some(number) = short_float(text.as_bytes()) {
                    prop_assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
                }
            }
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,40}|\\PC{0,20}") {
            let _ = (int64(&text), int32(&text), float64(&text), float32(&text), bool(&text));
        }

        #[test]
        fn a_whole_number_survives_a_shifted_point(number in any::<i64>(), zeros in 0_usize..25) {
            prop_assert_eq!(int64(&format!("{number}.{}", "0".repeat(zeros))), Ok(number));
            prop_assert_eq!(int64(&format!("{number}{}e-{zeros}", "0".repeat(zeros))), Ok(number));
        }
    }
}
