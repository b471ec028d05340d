use proptest::prelude::*;

use super::*;
use crate::{NotAnInstant, TimestampReader, parse_iso_timestamp};

/// The instant of an ISO text.
fn iso(text: &str) -> Option<i64> {
    let instant = parse_iso_timestamp(text);
    assert!(instant.is_some(), "{text}");
    instant
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

#[test]
fn what_a_format_leaves_out_is_filled_in() {
    let parse = |format: &str, text: &str| TimestampFormat::new(format).unwrap().parse(text);
    assert_eq!(parse("%m/%d/%Y", "01/02/1970"), Some(DAY));
    assert_eq!(parse("%Y-%m-%d %H", "1970-01-02 05"), Some(DAY + 5 * HOUR));
    assert_eq!(
        parse("%m/%d/%Y %I:%M:%S %p", "01/02/1970 12:00:00 AM"),
        Some(DAY)
    );
    assert_eq!(parse("%m/%d/%Y %H:%M", "1/2/1970 0:00"), Some(DAY));
    assert_eq!(
        parse("%Y-%m-%d %H:%M %z", "1970-01-02 05:00 +0200"),
        Some(DAY + 3 * HOUR)
    );
    assert_eq!(parse("%s", "86400"), Some(DAY));
    assert_eq!(parse("%Y-%j", "1970-002"), Some(DAY));
    assert_eq!(parse("%m/%d/%Y %H:%M", "13/02/1970 00:00"), None);
}

#[test]
fn formats_that_give_no_instant_are_refused() {
    for format in [
        "",
        "x",
        "%H:%M",
        "%Y-%m",
        "%d",
        "%Q",
        "%",
        "%m/%d/%Y %I:%M",
        "epoch",
        "epoch_ns",
    ] {
        assert!(TimestampFormat::new(format).is_err(), "{format}");
    }
}

#[test]
fn a_year_has_all_its_digits() {
    for (format, text, instant) in [
        ("%m/%d/%Y", "1/8/20", None),
        ("%m/%d/%Y", "1/8/2020", iso("2020-01-08")),
        ("%m/%d/%Y", "1/8/02020", None),
        ("%m/%d/%Y", "1/8/+2020", None),
        ("%d %B %Y", "8 January 20", None),
        ("%d %B %Y", "8 January 2020", iso("2020-01-08")),
        ("%d %B %Y", "8 January -020", None),
        ("%G-W%V-%u", "20-W02-3", None),
        ("%G-W%V-%u", "2020-W02-3", iso("2020-01-08")),
        ("%m/%d/%y %H:%M", "1/8/20 0:00", iso("2020-01-08")),
        ("%m/%d/%y %H:%M", "12/31/99 23:59", iso("1999-12-31T23:59")),
        ("%m/%d/%y", "1/8/2020", None),
        ("%m/%d/%y", "1/8/5", None),
        ("%Y%m%d", "20200108", iso("2020-01-08")),
        ("%Y%m%d", "2020108", None),
        ("%Y%j", "20208", None),
        ("%Y%j", "2020008", iso("2020-01-08")),
        ("%Y-%m-%d %H%M", "2020-01-08 130", None),
        ("%Y-%m-%d %H%M", "2020-01-08 0130", iso("2020-01-08T01:30")),
    ] {
        let read = TimestampFormat::new(format).unwrap().parse(text);
        assert_eq!(read, instant, "{format} {text}");
    }
}

#[test]
fn a_fraction_is_kept_or_its_format_is_refused() {
    for (format, text, instant) in [
        (
            "%Y-%m-%d %H:%M:%S.%f",
            "2020-01-02 03:04:05.250000",
            iso("2020-01-02 03:04:05.250"),
        ),
        (
            "%Y-%m-%d %H:%M:%S.%f",
            "2020-01-02 03:04:05.5",
            iso("2020-01-02 03:04:05.5"),
        ),
        (
            "%Y-%m-%d %H:%M:%S%.f",
            "2020-01-02 03:04:05.999",
            iso("2020-01-02 03:04:05.999"),
        ),
        (
            "%Y-%m-%d %H:%M:%S,%3f",
            "2020-01-02 03:04:05,007",
            iso("2020-01-02 03:04:05.007"),
        ),
    ] {
        let read = TimestampFormat::new(format).unwrap().parse(text);
        assert_eq!(read, instant, "{format} {text}");
    }
    for (format, named) in [
        ("%Y-%m-%d %H:%M:%S,%f", "%.f"),
        ("%Y-%m-%d %H:%M:%S%f", "%.f"),
        ("%Y-%m-%d %H:%M:%S %Z", "%Z"),
        ("%Y-%m-%d %Z", "timezone"),
        ("%Y-%m-%d %S", "would lose"),
    ] {
        let why = TimestampFormat::new(format).unwrap_err();
        assert!(why.contains(named), "{format}: {why}");
    }
}

fn read(formats: &[&str], zone: Option<&str>, text: &str) -> Result<i64, NotAnInstant> {
    let formats: Vec<String> = formats.iter().map(|f| (*f).to_owned()).collect();
    let zone = zone.map(|zone| zone.parse().unwrap());
    TimestampReader::new(&formats, zone).parse(text)
}

#[test]
fn an_instant_lies_in_the_years_1_to_9999() {
    use NotAnInstant::{Format, Range};
    let seconds = 1_577_934_245;
    for (formats, text, instant) in [
        (&["%s"][..], "1577934245000", Err(Range)),
        (&["%s"], "1577934245", Ok(seconds * 1000)),
        (&["epoch_s"], "1577934245000", Err(Range)),
        (&["epoch_us"], "9223372036854775807", Err(Range)),
        (&["epoch_ms"], "1e300", Err(Range)),
        (&["epoch_ms"], "-62135596800001", Err(Range)),
        (&["epoch_ms"], "never", Err(Format)),
        (
            &["epoch_s", "epoch_ms"],
            "1577934245000",
            Ok(seconds * 1000),
        ),
        (&["%Y-%m-%d"], "0000-01-01", Err(Range)),
        (&["%Y-%m-%d"], "9999-12-31", Ok(253_402_214_400_000)),
        (&["%Y-%m-%d %H:%M %z"], "0001-01-01 00:00 +0100", Err(Range)),
        (&[], "0000-12-31", Err(Range)),
        (&[], "9999-12-31T23:59:59-01:00", Err(Range)),
    ] {
        assert_eq!(read(formats, None, text), instant, "{formats:?} {text}");
    }
}

#[test]
fn times_without_an_offset_are_those_of_the_columns_zone() {
    use NotAnInstant::Gap;
    let seconds = "%Y-%m-%d %H:%M:%S";
    let zone = Some("America/Chicago");
    for (formats, text, instant) in [
        (
            &[seconds][..],
            "2020-07-04 12:00:00",
            Ok("2020-07-04T17:00:00"),
        ),
        (&[seconds], "2020-01-02 12:00:00", Ok("2020-01-02T18:00:00")),
        (&[seconds], "2020-03-08 02:30:00", Err(Gap)),
        (
            &[seconds, "%Y-%d-%m %H:%M:%S"],
            "2020-03-08 02:30:00",
            Err(Gap),
        ),
        (&[seconds], "2020-11-01 01:30:00", Ok("2020-11-01T06:30:00")),
        (&["%d %b %Y"], "4 Jul 2020", Ok("2020-07-04T05:00:00")),
        (&[], "2020-07-04T12:00:00", Ok("2020-07-04T17:00:00")),
        (&[], "2020-07-04", Ok("2020-07-04T05:00:00")),
        // What names its offset is not local.
        (&[], "2020-07-04T12:00:00Z", Ok("2020-07-04T12:00:00")),
        (
            &["%Y-%m-%d %H:%M:%S %z"],
            "2020-07-04 12:00:00 +0200",
            Ok("2020-07-04T10:00:00"),
        ),
        (&["%s"], "1577934245", Ok("2020-01-02T03:04:05")),
        (&["epoch_ms"], "1577934245000", Ok("2020-01-02T03:04:05")),
    ] {
        let instant = instant.map(|instant| iso(instant).unwrap());
        assert_eq!(read(formats, zone, text), instant, "{formats:?} {text}");
    }
    assert_eq!(
        read(&[], Some("UTC"), "2020-01-02"),
        Ok(iso("2020-01-02").unwrap())
    );
}

proptest! {
    #[test]
    fn no_text_panics(format in "[%a-zA-Z/: .-]{0,12}|\\PC{0,20}", text in "[0-9T :+.Z-]{0,30}|\\PC{0,30}") {
        let _ = parse_iso_timestamp(&text);
        if let Ok(format) = TimestampFormat::new(&format) {
            let _ = format.parse(&text);
        }
    }

    #[test]
    fn the_way_without_chrono_answers_as_chrono_does(
        format in prop::sample::select(vec![
            "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%Y-%m-%d", "%FT%T", "%d.%m.%Y %Hh", "%Y%m%d%H%M%S", "%p%I %d %m %Y",
            "%-m/%e/%Y\t%k:%M",
        ]),
        text in prop_oneof![
            "[0-9]{1,3}/[0-9]{1,2}/[0-9]{3,5} {0,2}[0-9]{1,2}:[0-9]{2}(:[0-9]{2} ?[aApP][mM])?",
            "[0-1][0-9]/[0-3][0-9]/20[0-2][0-9] [0-2][0-9]:[0-6][0-9]",
            "[0-1][0-9]/[0-3][0-9]/20[0-2][0-9] [0-1][0-9]:[0-6][0-9]:[0-6][0-9] [AP]M",
            "[0-9]{3,4}-[0-1][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9])?",
            "20[0-9]{2}[01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-6][0-9]",
            "[ /:.T0-9apmAPM+\t-]{0,20}",
            "\\PC{0,20}",
        ],
    ) {
        let format = TimestampFormat::new(format).unwrap();
        let Way::Strftime { parts, plain } = &format.0 else { unreachable!() };
        prop_assert!(plain.is_some());
        prop_assert_eq!(format.moment(&text), parts.parse(&text));
    }
}
