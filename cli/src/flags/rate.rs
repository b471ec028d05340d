//! `--rate N/s`.

/// Records a second, above 0.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches("/s").trim();
    match number.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("write records a second, for example 100/s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        assert_eq!(rate("100/s"), Ok(100.0));
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["", "x", "0", "inf"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
