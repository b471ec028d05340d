//! One record after the other. Invariant: the draws and their order depend on the seed alone.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::Write as _;

use chrono::{Datelike as _, Days, NaiveDate};

use crate::city::City;
use crate::draw::{Draw, Spread};
use crate::tables::{self, Crime, Place, Weapons};

/// The columns of the LAPD's "Crime Data from 2020 to Present", in its order.
#[rustfmt::skip]
pub const COLUMNS: [&str; 28] = [
    "DR_NO", "Date Rptd", "DATE OCC", "TIME OCC", "AREA", "AREA NAME", "Rpt Dist No",
    "Part 1-2", "Crm Cd", "Crm Cd Desc", "Mocodes", "Vict Age", "Vict Sex", "Vict Descent",
    "Premis Cd", "Premis Desc", "Weapon Used Cd", "Weapon Desc", "Status", "Status Desc",
    "Crm Cd 1", "Crm Cd 2", "Crm Cd 3", "Crm Cd 4", "LOCATION", "Cross Street", "LAT", "LON",
];

/// Dirty values that are too rare to leave to chance, as often as in the real file.
struct RareDirt {
    /// 13 in 10,000: coordinates 0,0.
    no_place: Spread,
    /// 2 in 10,000: an age of -1.
    negative_age: Spread,
    /// 3 in 10,000: a sex H, which is not in the code list.
    sex_h: Spread,
    /// 2 in 10,000: a premise's code without its description.
    no_premise: Spread,
    /// 13 in 10,000: `Crm Cd 1` differs from `Crm Cd`.
    other_first_code: Spread,
    /// 8 in 10,000 have a third code, 1 a fourth.
    third_code: Spread,
    fourth_code: Spread,
    /// 1 in 10,000: a number whose year begins with 0. A reader that takes it for a number loses the 0.
    zero_number: Spread,
}

pub(crate) struct Maker {
    city: City,
    draw: Draw,
    dirt: RareDirt,
    /// How many numbers each year and area has given out.
    serials: HashMap<(u32, u32), u64>,
    cell: Vec<u8>,
}

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            city: City::new(),
            draw: Draw::new(seed, 0),
            dirt: RareDirt {
                no_place: Spread::new(769),
                negative_age: Spread::new(5_000),
                sex_h: Spread::new(3_333),
                no_premise: Spread::new(5_000),
                other_first_code: Spread::new(769),
                third_code: Spread::new(1_250),
                fourth_code: Spread::new(10_000),
                zero_number: Spread::new(10_000),
            },
            serials: HashMap::new(),
            cell: Vec::with_capacity(64),
        }
    }

    /// Replaces `row` by the next record.
    pub(crate) fn next_into(&mut self, row: &mut csv::ByteRecord) {
        row.clear();
        let Self {
            city,
            draw,
            dirt,
            serials,
            cell,
        } = self;
        let mut field = |value: &dyn Display| {
            cell.clear();
            // Writing to a vector does not fail.
            let _ = write!(cell, "{value}");
            row.push_field(cell);
        };

        let block = city.pick(draw);
        let crime = draw.pick(&tables::CRIMES);
        let occurred = occurred(draw);
        let reported = occurred + Days::new(reported_after(draw));

        let area = block.area;
        let year = if dirt.zero_number.hits(draw) {
            1
        } else {
            reported.year() as u32 % 100
        };
        let serial = serials.entry((year, area.number)).or_default();
        *serial += 1;
        // Five digits; from the 100,000th on six or more, which no other area's number has.
        field(&format_args!("{year:02}{:02}{:05}", area.number, *serial));
        field(&Date(reported));
        field(&Date(occurred));
        field(&format_args!("{:04}", time(draw)));
        field(&format_args!("{:02}", area.number));
        field(&area.name);
        field(&format_args!("{:02}{:02}", area.number, block.district));
        field(&crime.part);
        field(&crime.code);
        field(&crime.description);

        let victim = victim(draw, &crime, dirt);
        field(&Mocodes::of(draw, &victim));
        field(&victim.age);
        field(&victim.sex);
        field(&victim.descent);

        let (premise, description) = match crime.place {
            Place::Parked => draw.pick(&tables::PARKED),
            Place::Anywhere => draw.pick(&tables::ANYWHERE),
        };
        let described = !dirt.no_premise.hits(draw);
        field(&premise);
        field(if described { &description } else { &"" });

        let (weapon, description) = weapon(draw, &crime);
        field(&weapon);
        field(&description);
        let (status, description) = draw.pick(&tables::STATUSES);
        field(&status);
        field(&description);

        for code in codes(draw, &crime, dirt) {
            field(&code);
        }
        field(&block.location);
        field(&block.cross_street);
        let (latitude, longitude) = if dirt.no_place.hits(draw) {
            (0, 0)
        } else {
            (block.latitude, block.longitude)
        };
        field(&Degrees(latitude));
        field(&Degrees(longitude));
    }
}

struct Victim {
    sex: &'static str,
    descent: &'static str,
    age: i32,
}

fn victim(draw: &mut Draw, crime: &Crime, dirt: &mut RareDirt) -> Victim {
    let [nobody, unnamed, woman] = crime.victims;
    let drawn = draw.below(1_000);
    let (sex, descent, age) = if drawn < nobody {
        ("", "", 0)
    } else if drawn < nobody + unnamed {
        ("X", "X", age(draw, 8_211))
    } else if drawn < nobody + unnamed + woman {
        ("F", draw.pick(&tables::DESCENTS_F), age(draw, 78))
    } else {
        ("M", draw.pick(&tables::DESCENTS_M), age(draw, 647))
    };
    let mut victim = Victim { sex, descent, age };
    let (negative, sex_h) = (dirt.negative_age.hits(draw), dirt.sex_h.hits(draw));
    if negative {
        victim.age = -1;
    }
    if sex_h {
        // The sex H of the real file is a descent that slipped by one column.
        victim.sex = "H";
        victim.descent = "H";
    }
    victim
}

/// An age; in `missing` of 10,000 cases 0, which means "not known".
fn age(draw: &mut Draw, missing: u32) -> i32 {
    if draw.chance(missing) {
        return 0;
    }
    let (youngest, oldest) = draw.pick(&tables::AGES);
    (youngest + draw.below(oldest - youngest + 1)) as i32
}

fn weapon(draw: &mut Draw, crime: &Crime) -> (&'static str, &'static str) {
    if draw.below(1_000) >= crime.armed {
        return ("", "");
    }
    match crime.weapons {
        Weapons::Hands => draw.pick(&tables::HANDS),
        Weapons::Arms => draw.pick(&tables::ARMS),
        Weapons::Threat => draw.pick(&tables::THREATS),
    }
}

/// `Crm Cd 1` to `4`, empty where there is none.
fn codes(draw: &mut Draw, crime: &Crime, dirt: &mut RareDirt) -> [&'static str; 4] {
    let mut codes = [crime.code, "", "", ""];
    let other_first = dirt.other_first_code.hits(draw);
    let (third, fourth) = (dirt.third_code.hits(draw), dirt.fourth_code.hits(draw));
    while other_first && codes[0] == crime.code {
        codes[0] = draw.pick(&tables::CRIMES).code;
    }
    if draw.chance(570) || third || fourth {
        codes[1] = draw.pick(&tables::SECOND_CODES);
    }
    if third || fourth {
        codes[2] = "998";
    }
    if fourth {
        codes[3] = "998";
    }
    codes
}

fn occurred(draw: &mut Draw) -> NaiveDate {
    let (month, days) = draw.pick(&tables::MONTHS);
    // The first day stands for "some time that month" more often than others.
    let day = if draw.chance(200) {
        1
    } else {
        1 + draw.below(days)
    };
    NaiveDate::from_ymd_opt(2020, month, day).unwrap_or_default()
}

fn reported_after(draw: &mut Draw) -> u64 {
    let (first, last) = draw.pick(&tables::DELAYS);
    u64::from(first + draw.below(last - first + 1))
}

/// Hour and minute as one number: 330 is half past three. People round, and midnight is written 0001.
fn time(draw: &mut Draw) -> u32 {
    let hour = draw.pick(&tables::HOURS);
    let minute = match draw.pick(&tables::MINUTES) {
        Some(minute) => minute,
        None => 1 + draw.below(59),
    };
    (100 * hour + minute).max(1)
}

/// Both formats of the real file: a day that could be a month went through a spreadsheet.
struct Date(NaiveDate);

impl Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (month, day, year) = (self.0.month(), self.0.day(), self.0.year());
        if day <= 12 {
            write!(f, "{month:02}/{day:02}/{year} 00:00")
        } else {
            write!(f, "{month:02}/{day:02}/{year} 12:00:00 AM")
        }
    }
}

/// Ten-thousandths of a degree as the real file writes them, without trailing zeros.
struct Degrees(i32);

impl Display for Degrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let (whole, mut fraction, mut digits) = (size / 10_000, size % 10_000, 4);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{whole}.{fraction:0digits$}")
    }
}

/// The acts of the offender, as up to ten codes.
struct Mocodes {
    codes: [u32; 10],
    count: usize,
}

impl Mocodes {
    fn of(draw: &mut Draw, victim: &Victim) -> Self {
        let mut codes = [0; 10];
        let mut count = 0;
        // A stolen car has neither victim nor manner; of the others a few have none.
        if !victim.sex.is_empty() && !draw.chance(54) {
            let wanted = draw.pick(&tables::MOCODE_COUNTS);
            for _ in 0..wanted {
                let code = match draw.pick(&tables::MOCODES) {
                    0 => 100 * (1 + draw.below(20)) + 1 + draw.below(60),
                    common => common,
                };
                if !codes[..count].contains(&code) {
                    codes[count] = code;
                    count += 1;
                }
            }
        }
        Self { codes, count }
    }
}

impl Display for Mocodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, code) in self.codes[..self.count].iter().enumerate() {
            let blank = if at == 0 { "" } else { " " };
            write!(f, "{blank}{code:04}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_lose_their_trailing_zeros() {
        for (degrees, text) in [
            (340_141, "34.0141"),
            (340_480, "34.048"),
            (340_500, "34.05"),
            (340_005, "34.0005"),
            (340_000, "34"),
            (-1_182_978, "-118.2978"),
            (-5, "-0.0005"),
            (0, "0"),
        ] {
            assert_eq!(Degrees(degrees).to_string(), text);
        }
    }
}
