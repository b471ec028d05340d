//! The sample against what was measured on 10,000 real rows, and against itself.
#![allow(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

fn sample(records: u64, seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    gugus_generate::write(records, seed, &mut out).unwrap();
    out
}

struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn of(bytes: &[u8]) -> Self {
        let mut reader = csv::Reader::from_reader(bytes);
        let names = reader.headers().unwrap().iter().map(str::to_owned);
        let columns = names.zip(0..).collect();
        let rows = reader.records().map(Result::unwrap).collect();
        Self { columns, rows }
    }

    fn column(&self, name: &str) -> impl Iterator<Item = &str> {
        let at = self.columns[name];
        self.rows.iter().map(move |row| &row[at])
    }

    fn count(&self, name: &str, wanted: impl Fn(&str) -> bool) -> usize {
        self.column(name).filter(|cell| wanted(cell)).count()
    }
}

/// Frozen. A change of a draw or a table changes everybody's samples and belongs in the CHANGELOG.
#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let digest: String = Sha256::digest(sample(1_000, 1))
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(
        digest,
        "d346731b092fd3433a771369af092f94a6ff7e19d05392ab1330333d0ee7b63e"
    );
    assert_ne!(sample(10, 1), sample(10, 2));
    assert!(sample(1_000, 1).starts_with(&sample(10, 1)));
}

#[test]
fn the_header_is_the_original_one_even_without_records() {
    let header = "DR_NO,Date Rptd,DATE OCC,TIME OCC,AREA,AREA NAME,Rpt Dist No,Part 1-2,Crm Cd,Crm Cd Desc,Mocodes,\
        Vict Age,Vict Sex,Vict Descent,Premis Cd,Premis Desc,Weapon Used Cd,Weapon Desc,Status,Status Desc,Crm Cd 1,\
        Crm Cd 2,Crm Cd 3,Crm Cd 4,LOCATION,Cross Street,LAT,LON\n";
    assert_eq!(String::from_utf8(sample(0, 7)).unwrap(), header);
    assert_eq!(gugus_generate::COLUMNS.join(","), header.trim_end());
}

/// The cells that are counted.
#[derive(Clone, Copy)]
enum Wanted {
    Is(&'static str),
    Begins(&'static str),
    Ends(&'static str),
}

#[test]
fn the_dirt_comes_at_the_real_rates() {
    for seed in [1, 2, 12_345] {
        let table = Table::of(&sample(10_000, seed));
        let near = |what: &str, found: usize, real: usize, tolerance: usize| {
            assert!(
                found.abs_diff(real) <= tolerance,
                "{what}, seed {seed}: {found}, real {real} ± {tolerance}"
            );
        };
        for (column, real, tolerance) in [
            ("Mocodes", 916, 120),
            ("Vict Sex", 867, 120),
            ("Vict Descent", 867, 120),
            ("Weapon Used Cd", 7_631, 300),
            ("Weapon Desc", 7_631, 300),
            ("Premis Desc", 2, 0),
            ("Crm Cd 2", 9_422, 100),
            ("Crm Cd 3", 9_992, 1),
            ("Crm Cd 4", 9_999, 0),
            ("Cross Street", 8_069, 250),
            ("DR_NO", 0, 0),
            ("LAT", 0, 0),
        ] {
            near(column, table.count(column, str::is_empty), real, tolerance);
        }
        let is = |cell: &'static str| Wanted::Is(cell);
        for (what, column, wanted, real, tolerance) in [
            ("latitude 0", "LAT", is("0"), 13, 1),
            ("longitude 0", "LON", is("0"), 13, 1),
            ("negative ages", "Vict Age", Wanted::Begins("-"), 2, 0),
            ("age 0", "Vict Age", is("0"), 1_912, 250),
            ("sex H", "Vict Sex", is("H"), 3, 1),
            ("sex F", "Vict Sex", is("F"), 3_461, 250),
            (
                "spreadsheet dates",
                "DATE OCC",
                Wanted::Ends(" 00:00"),
                4_198,
                250,
            ),
            (
                "other dates",
                "DATE OCC",
                Wanted::Ends(" 12:00:00 AM"),
                5_802,
                250,
            ),
            ("midnight", "TIME OCC", is("0001"), 188, 60),
            ("full hours", "TIME OCC", Wanted::Ends("00"), 4_557, 250),
            ("thefts from cars", "Crm Cd", is("331"), 3_077, 200),
            ("part 1", "Part 1-2", is("1"), 7_044, 250),
            ("leading zeros", "DR_NO", Wanted::Begins("0"), 1, 0),
            ("open cases", "Status", is("IC"), 8_612, 150),
        ] {
            let found = table.count(column, |cell| match wanted {
                Wanted::Is(text) => cell == text,
                Wanted::Begins(text) => cell.starts_with(text),
                Wanted::Ends(text) => cell.ends_with(text),
            });
            near(what, found, real, tolerance);
        }
        let others = table
            .column("Crm Cd")
            .zip(table.column("Crm Cd 1"))
            .filter(|(a, b)| a != b)
            .count();
        near("other first code", others, 12, 2);
    }
}

#[test]
fn every_cell_has_its_real_form() {
    let table = Table::of(&sample(20_000, 3));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let numbers: HashSet<&str> = table.column("DR_NO").collect();
    assert_eq!(numbers.len(), 20_000, "DR_NO is unique");
    let mut descriptions = HashMap::new();
    for row in &table.rows {
        let cell = |name: &str| &row[table.columns[name]];
        assert!(digits(cell("DR_NO")) && cell("DR_NO").len() == 9);
        assert_eq!(&cell("DR_NO")[2..4], cell("AREA"));
        assert_eq!(&cell("Rpt Dist No")[..2], cell("AREA"));
        assert_eq!(cell("Rpt Dist No").len(), 4);
        let time: u32 = cell("TIME OCC").parse().unwrap();
        assert!(cell("TIME OCC").len() == 4 && time > 0 && time / 100 < 24 && time % 100 < 60);
        let description = cell("Crm Cd Desc").to_owned();
        let first = descriptions.entry(cell("Crm Cd").to_owned());
        assert_eq!(first.or_insert(description), cell("Crm Cd Desc"));
        let weapon = [cell("Weapon Used Cd"), cell("Weapon Desc")];
        assert_eq!(weapon[0].is_empty(), weapon[1].is_empty());
        for mocode in cell("Mocodes").split_whitespace() {
            assert!(digits(mocode) && mocode.len() == 4, "{mocode}");
        }
        let crossing = !cell("Cross Street").is_empty();
        let location = cell("LOCATION");
        assert!(location.len() <= 40, "{location}");
        if !crossing {
            let (number, rest) = location.split_once(' ').unwrap();
            assert!(digits(number) && number.ends_with("00"), "{location}");
            assert!(rest.len() > 3 && &rest[1..3] == "  ", "{location}");
        }
        let (lat, lon): (f64, f64) = (cell("LAT").parse().unwrap(), cell("LON").parse().unwrap());
        assert!(
            (lat == 0.0 && lon == 0.0)
                || ((33.5..34.5).contains(&lat) && (-119.0..-118.0).contains(&lon))
        );
        for coordinate in [cell("LAT"), cell("LON")] {
            let fraction = coordinate
                .split_once('.')
                .map_or("1", |(_, fraction)| fraction);
            assert!(
                fraction.len() <= 4 && !fraction.ends_with('0'),
                "{coordinate}"
            );
        }
    }
    assert_eq!(table.column("AREA").collect::<HashSet<_>>().len(), 21);
}

#[test]
fn every_hundred_records_have_many_places() {
    let table = Table::of(&sample(10_000, 1));
    let places: Vec<_> = table.column("LAT").zip(table.column("LON")).collect();
    for hundred in places.chunks(100) {
        assert!(hundred.iter().collect::<HashSet<_>>().len() > 50);
    }
    let all = places.iter().collect::<HashSet<_>>().len();
    assert!(
        (5_500..8_500).contains(&all),
        "{all} places in 10,000 records; the real file has 6,774"
    );
}

#[test]
fn commas_are_quoted() {
    let text = String::from_utf8(sample(1_000, 1)).unwrap();
    assert!(text.contains(",\"STRONG-ARM (HANDS, FIST, FEET OR BODILY FORCE)\","));
    assert!(!text.contains('\r'));
}

#[test]
fn a_writer_that_fails_is_reported_with_its_cause() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = gugus_generate::write(10_000, 1, Full).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(
        source
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::StorageFull)
    );
}
