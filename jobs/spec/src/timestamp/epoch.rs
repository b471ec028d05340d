//! Numbers that count from 1970.

/// The unit of a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Epoch {
    Seconds,
    Millis,
    Micros,
}

impl Epoch {
    /// The unit that a format names.
    pub(super) fn named(format: &str) -> Option<Self> {
        match format {
            "epoch_s" => Some(Self::Seconds),
            "epoch_ms" => Some(Self::Millis),
            "epoch_us" => Some(Self::Micros),
            _ => None,
        }
    }

    /// Milliseconds since 1970 in UTC, rounded down. A number that is too large gives the end of the range, which no
    /// timestamp reaches.
    pub(super) fn parse(self, text: &str) -> Option<i64> {
        if text.contains(['e', 'E']) {
            return self.parse_float(text);
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole: i64 = whole.parse().unwrap_or(i64::MAX);
        let (millis, rest) = match self {
            Self::Seconds => {
                let (kept, rest) = fraction.split_at(fraction.len().min(3));
                let kept: i64 = format!("{kept:0<3}").parse().ok()?;
                (whole.saturating_mul(1000).saturating_add(kept), rest)
            }
            Self::Millis => (whole, fraction),
            Self::Micros if whole % 1000 != 0 => (whole / 1000, "1"),
            Self::Micros => (whole / 1000, fraction),
        };
        let cut = rest.bytes().any(|digit| digit != b'0');
        Some(match negative {
            true => millis.saturating_neg().saturating_sub(i64::from(cut)),
            false => millis,
        })
    }

    /// Does the same for a number with an exponent. Only 17 digits of such a number count.
    fn parse_float(self, text: &str) -> Option<i64> {
        let number: f64 = text.parse().ok().filter(|n: &f64| !n.is_nan())?;
        let millis = match self {
            Self::Seconds => number * 1000.0,
            Self::Millis => number,
            Self::Micros => number / 1000.0,
        };
        // If the number is out of range, the cast gives the end of the range.
        Some(millis.floor() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_unit() {
        for (format, text, millis) in [
            ("epoch_s", "1577934245", Some(1_577_934_245_000)),
            ("epoch_s", "1577934245.25", Some(1_577_934_245_250)),
            ("epoch_s", "1577934245.2509", Some(1_577_934_245_250)),
            ("epoch_s", "1.57793424525e9", Some(1_577_934_245_250)),
            ("epoch_s", "-1.5", Some(-1500)),
            ("epoch_s", "-0.0005", Some(-1)),
            ("epoch_ms", "1577934245250", Some(1_577_934_245_250)),
            ("epoch_ms", "0", Some(0)),
            ("epoch_ms", "-1", Some(-1)),
            ("epoch_ms", "+1.9", Some(1)),
            ("epoch_us", "1577934245250999", Some(1_577_934_245_250)),
            ("epoch_us", "-1", Some(-1)),
            ("epoch_us", "-1000", Some(-1)),
            ("epoch_s", "99999999999999999999", Some(i64::MAX)),
            ("epoch_ms", "1e300", Some(i64::MAX)),
            ("epoch_ms", "", None),
            ("epoch_ms", ".5", None),
            ("epoch_ms", "1 2", None),
            ("epoch_ms", "nan", None),
            ("epoch_ms", "2020-01-02", None),
            ("epoch_ms", "0x10", None),
            ("epoch_ms", "1e", None),
        ] {
            let epoch = Epoch::named(format).unwrap();
            assert_eq!(epoch.parse(text), millis, "{format} {text}");
        }
    }
}
