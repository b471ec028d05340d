//! Job files with seeded damage: each is a job or an error, in time, and nobody panics.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use gugus_damage::{cases, damaged, in_time};
use gugus_spec::Job;

/// Cases of one seed: about a second in a debug build.
const CASES: u64 = 300;

const FILES: [&str; 5] = [
    include_str!("../../crime.toml"),
    include_str!("../../chicago.toml"),
    include_str!("fixture.toml"),
    include_str!("fixture_csv.toml"),
    include_str!("fixture_models.toml"),
];

/// A job that is accepted can also be shown.
#[test]
fn no_job_file_stops_a_reader() {
    let mut accepted = 0;
    let ran = cases(CASES, 41, |draw| {
        let whole = FILES[draw.below(FILES.len())];
        let bytes = damaged(whole.as_bytes(), draw);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let parsed = {
            let text = text.clone();
            in_time(move || Job::parse(&text, "damaged.toml").map(|job| job.to_string()))
        };
        match parsed {
            Ok(Ok(shown)) if shown.is_empty() => Err(format!("nothing is shown of\n{text}")),
            Ok(Ok(_)) => {
                accepted += 1;
                Ok(())
            }
            Ok(Err(refused)) if refused.to_string().starts_with("damaged.toml") => Ok(()),
            Ok(Err(refused)) => Err(format!("{refused} names no file")),
            Err(why) => Err(format!("{why}\n{text}")),
        }
    });
    assert!(
        ran < CASES || accepted > 0,
        "no damage was small enough for a job"
    );
}
