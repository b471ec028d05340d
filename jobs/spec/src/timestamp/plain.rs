//! Reads the most common formats (numbers for year, month, day and time, with or without AM and PM) without chrono.
//!
//! chrono's parser is general and takes about 300 ns per text, more than all other work on a value. This parser takes a tenth
//! of that. It answers exactly as [`Parts`](super::parts::Parts) does by chrono, or leaves the text to it; a property test compares the two.

use chrono::NaiveDate;
use chrono::format::{Fixed, Item, Numeric};

use super::parts::is_crowded;

/// A format of plain numbers.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    /// A number, with any number of blanks before it.
    Number(Number),
    /// AM or PM in any case.
    Half,
    /// This very text.
    Literal(Box<str>),
    /// Any number of blanks.
    Blanks,
}

#[derive(Clone, Copy, Debug)]
struct Number {
    field: Field,
    /// The fewest and the most digits.
    least: usize,
    most: usize,
    /// The one byte that must follow the number, if there is one. Most numbers have such a byte, and checking it here
    /// saves a step.
    then: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
}

/// How many fields there are, AM and PM not counted.
const FIELDS: usize = 7;

impl Field {
    /// Whether chrono accepts the number for the field.
    #[inline]
    fn holds(self, number: u32) -> bool {
        match self {
            Self::Year => true,
            Self::Month => (1..=12).contains(&number),
            Self::Day => (1..=31).contains(&number),
            Self::Hour => number <= 23,
            Self::Hour12 => (1..=12).contains(&number),
            Self::Minute => number <= 59,
            Self::Second => number <= 60,
        }
    }
}

impl Plain {
    /// `None` when the format has parts that this parser does not know, or does not have each needed part exactly once.
    pub(super) fn new(items: &[Item<'_>]) -> Option<Self> {
        let mut seen = [false; FIELDS];
        let mut half = false;
        let mut steps = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let step = match item {
                Item::Literal(text) => Step::Literal((*text).into()),
                Item::OwnedLiteral(text) => Step::Literal(text.clone()),
                Item::Space(_) | Item::OwnedSpace(_) => Step::Blanks,
                Item::Fixed(Fixed::LowerAmPm | Fixed::UpperAmPm) if !half => {
                    half = true;
                    Step::Half
                }
                Item::Numeric(numeric, _) => {
                    let (field, digits) = match numeric {
                        Numeric::Year => (Field::Year, 4),
                        Numeric::Month => (Field::Month, 2),
                        Numeric::Day => (Field::Day, 2),
                        Numeric::Hour => (Field::Hour, 2),
                        Numeric::Hour12 => (Field::Hour12, 2),
                        Numeric::Minute => (Field::Minute, 2),
                        Numeric::Second => (Field::Second, 2),
                        _ => return None,
                    };
                    if std::mem::replace(&mut seen[field as usize], true) {
                        return None;
                    }
                    Step::Number(Number {
                        field,
                        least: match field {
                            Field::Year => digits,
                            _ if is_crowded(items, at) => digits,
                            _ => 1,
                        },
                        most: digits,
                        then: None,
                    })
                }
                _ => return None,
            };
            push(&mut steps, step);
        }
        let has = |field: Field| seen[field as usize];
        let date = has(Field::Year) && has(Field::Month) && has(Field::Day);
        let hour = match (has(Field::Hour), has(Field::Hour12), half) {
            (true, false, false) | (false, true, true) => true,
            (false, false, false) => !has(Field::Minute),
            _ => false,
        };
        (date && hour).then_some(Self { steps })
    }

    /// The instant of the text: `Some(None)` if the text does not follow the format, `None` if only chrono can decide.
    pub(super) fn parse(&self, text: &str) -> Option<Option<i64>> {
        match self.parse_ascii(text.as_bytes()) {
            // Chrono also skips blanks that are not ASCII.
            None if !text.is_ascii() => None,
            answer => Some(answer),
        }
    }

    fn parse_ascii(&self, mut rest: &[u8]) -> Option<i64> {
        let mut numbers = [0_u32; FIELDS];
        let mut afternoon = None;
        for step in &self.steps {
            match step {
                Step::Number(Number {
                    field,
                    least,
                    most,
                    then,
                }) => {
                    rest = skip_blanks(rest);
                    let (mut number, mut digits) = (0, 0);
                    while digits < *most
                        && let [digit @ b'0'..=b'9', after @ ..] = rest
                    {
                        number = number * 10 + u32::from(digit - b'0');
                        digits += 1;
                        rest = after;
                    }
                    if digits < *least || !field.holds(number) {
                        return None;
                    }
                    numbers[*field as usize] = number;
                    if let Some(then) = then {
                        match rest {
                            [first, after @ ..] if first == then => rest = after,
                            _ => return None,
                        }
                    }
                }
                Step::Half => {
                    let (half, after) = rest.split_at_checked(2)?;
                    afternoon = match (half[0] | 32, half[1] | 32) {
                        (b'a', b'm') => Some(false),
                        (b'p', b'm') => Some(true),
                        _ => return None,
                    };
                    rest = after;
                }
                Step::Literal(text) => rest = rest.strip_prefix(text.as_bytes())?,
                Step::Blanks => rest = skip_blanks(rest),
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let [year, month, day, hour, hour12, minute, second] = numbers;
        let hour = match afternoon {
            Some(afternoon) => hour12 % 12 + if afternoon { 12 } else { 0 },
            None => hour,
        };
        let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
        let seconds = i64::from(hour * 3600 + minute * 60 + second);
        Some((i64::from(date.to_epoch_days()) * 86_400 + seconds) * 1000)
    }
}

/// Appends a step, or merges it into the step before.
fn push(steps: &mut Vec<Step>, step: Step) {
    match (steps.last_mut(), &step) {
        (Some(Step::Number(number)), Step::Literal(text))
            if text.len() == 1 && number.then.is_none() =>
        {
            number.then = text.bytes().next();
        }
        // A number skips the blanks before it.
        (Some(blanks @ Step::Blanks), Step::Number(_)) => *blanks = step,
        _ => steps.push(step),
    }
}

/// The text after its leading blanks. Blanks are the ASCII characters for which `char::is_whitespace` is true.
fn skip_blanks(mut rest: &[u8]) -> &[u8] {
    while let [b' ' | b'\t'..=b'\r', after @ ..] = rest {
        rest = after;
    }
    rest
}
