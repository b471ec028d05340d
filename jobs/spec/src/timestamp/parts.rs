//! Reads texts of any format, mostly by chrono. Chrono reads some numbers with too few or too many digits: it takes
//! `20` for the year 20, and by `%Y%m%d` it takes `2020108` for 8 October. So the digits of such numbers are counted
//! here.

use chrono::format::{Item, Numeric, ParseResult, Parsed, parse_and_remainder};

use super::moment::Moment;

/// A format, cut before and behind each number whose digits are counted.
#[derive(Clone, Debug)]
pub(super) struct Parts(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    /// What chrono reads.
    Items(Vec<Item<'static>>),
    /// A number of exactly so many digits.
    Digits { count: usize, set: Set },
}

/// Takes a number for a field.
type Set = fn(&mut Parsed, i64) -> ParseResult<()>;

impl Parts {
    pub(super) fn new(items: Vec<Item<'static>>) -> Self {
        let mut parts = Vec::new();
        let crowded: Vec<bool> = (0..items.len()).map(|at| is_crowded(&items, at)).collect();
        for (item, crowded) in items.into_iter().zip(crowded) {
            let (count, set): (_, Set) = match &item {
                Item::Numeric(Numeric::Year, _) => (4, Parsed::set_year),
                Item::Numeric(Numeric::IsoYear, _) => (4, Parsed::set_isoyear),
                Item::Numeric(Numeric::YearMod100, _) => (2, Parsed::set_year_mod_100),
                Item::Numeric(Numeric::IsoYearMod100, _) => (2, Parsed::set_isoyear_mod_100),
                Item::Numeric(Numeric::Month, _) if crowded => (2, Parsed::set_month),
                Item::Numeric(Numeric::Day, _) if crowded => (2, Parsed::set_day),
                Item::Numeric(Numeric::Ordinal, _) if crowded => (3, Parsed::set_ordinal),
                Item::Numeric(Numeric::Hour, _) if crowded => (2, Parsed::set_hour),
                Item::Numeric(Numeric::Hour12, _) if crowded => (2, Parsed::set_hour12),
                Item::Numeric(Numeric::Minute, _) if crowded => (2, Parsed::set_minute),
                Item::Numeric(Numeric::Second, _) if crowded => (2, Parsed::set_second),
                _ => {
                    match parts.last_mut() {
                        Some(Part::Items(items)) => items.push(item),
                        _ => parts.push(Part::Items(vec![item])),
                    }
                    continue;
                }
            };
            parts.push(Part::Digits { count, set });
        }
        Self(parts)
    }

    /// `None` when the text does not follow the format.
    pub(super) fn parse(&self, text: &str) -> Option<Moment> {
        let mut parsed = Parsed::new();
        let mut rest = text;
        for part in &self.0 {
            rest = match part {
                Part::Items(items) => parse_and_remainder(&mut parsed, rest, items.iter()).ok()?,
                Part::Digits { count, set } => {
                    let (digits, behind) = rest.trim_start().split_at_checked(*count)?;
                    if !digits.bytes().all(|b| b.is_ascii_digit()) {
                        return None;
                    }
                    set(&mut parsed, digits.parse().ok()?).ok()?;
                    behind
                }
            };
        }
        rest.is_empty().then(|| moment(parsed))?
    }
}

/// Whether another number stands directly before or behind the number at this place of the format. Then only a fixed
/// count of digits shows where the number begins or ends.
pub(super) fn is_crowded(items: &[Item<'_>], at: usize) -> bool {
    let is_number = |at: usize| matches!(items.get(at), Some(Item::Numeric(..)));
    is_number(at) && (is_number(at + 1) || at.checked_sub(1).is_some_and(is_number))
}

/// Fills in what the text left out.
fn moment(mut parsed: Parsed) -> Option<Moment> {
    let counted = parsed.timestamp().is_some();
    if !counted {
        let hour = parsed.hour_div_12().is_some() || parsed.hour_mod_12().is_some();
        if !hour && parsed.minute().is_none() {
            parsed.set_hour(0).ok()?;
        }
        if parsed.minute().is_none() {
            parsed.set_minute(0).ok()?;
        }
    }
    let offset = parsed.offset();
    let seconds = offset.unwrap_or(0);
    let local = parsed.to_naive_datetime_with_offset(seconds).ok()?;
    let millis = local.and_utc().timestamp_millis() - i64::from(seconds) * 1000;
    Some(match counted || offset.is_some() {
        true => Moment::Instant(millis),
        false => Moment::Local(millis),
    })
}
