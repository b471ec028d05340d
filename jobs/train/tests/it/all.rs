//! One model over all batches: `scope = "all"`.

use gugus_models::{Existing, Extent};
use gugus_spec::OffsetRange;
use gugus_train::Outcome::Trained;

use crate::kit::{Work, assert_failed, borrowed, job, lines, places};

const ALL: &str = "[[models]]\nname = \"over_all\"\nfeatures = [\"x\", \"y\"]\nk = 4\nseed = 3\nscope = \"all\"\n";

/// Points around four places.
fn four_places(rows: u64) -> Vec<[String; 3]> {
    let point = |i: u64| {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let place = i % 4;
        let x = noise(1) + 10.0 * (place / 2) as f64;
        let y = noise(500) + 10.0 * (place % 2) as f64;
        [x.to_string(), y.to_string(), String::new()]
    };
    (0..rows).map(point).collect()
}

#[tokio::test]
async fn one_model_over_all_is_trained_kept_and_trained_again_when_there_is_more() {
    let work = Work::new();
    let same = job(50, ALL);
    work.append(&same, &borrowed(&four_places(1_000))).await;

    let prepared = work.prepare(&same, Existing::Keep).await.unwrap();
    let planned = prepared.dry_run();
    assert_eq!((planned.planned, planned.models[0].batch), (1, None));

    let first = work.train(&same).await;
    let line = lines(&first, "over_all")[0];
    assert_eq!(line.status, Trained, "{first:?}");
    let path = line.path.as_deref();
    assert_eq!(
        (path, line.batch, line.rows),
        (Some("over_all/all"), None, 1_000)
    );
    assert_eq!(line.sizes, [250; 4], "four places of equally many points");
    let about = work.about("over_all", Extent::All).await;
    let offsets = [OffsetRange {
        partition: 0,
        first: 0,
        next: 1_000,
    }];
    assert_eq!((about.batch, &about.offsets[..]), (None, &offsets[..]));

    let again = work.train(&same).await;
    assert_eq!((again.skipped, again.trained), (1, 0), "{again:?}");

    // New batches make it old, which is no reason to refuse.
    work.append(&same, &borrowed(&four_places(120))).await;
    let more = work.train(&same).await;
    assert_eq!((more.trained, more.models[0].rows), (1, 1_120), "{more:?}");

    // Another parameter is a reason.
    let other = job(50, &ALL.replace("seed = 3", "seed = 4"));
    let refused = work.refused(&other).await;
    assert!(
        refused.contains("seed 4") && refused.contains("--retrain"),
        "{refused}"
    );
    work.retrain(&other).await;
    assert_eq!(work.about("over_all", Extent::All).await.seed, 4);
}

#[tokio::test]
async fn what_the_data_do_not_allow_fails_by_name() {
    let work = Work::new();
    let models = format!(
        "{ALL}[[models]]\nname = \"none\"\nwhere = \"x > 100\"\nfeatures = [\"x\", \"y\"]\nk = 2\nscope = \"all\"\n\
         [[models]]\nname = \"lenient\"\nfeatures = [\"x\", \"y\"]\nk = 2\nscope = \"all\"\nhandle_invalid = \"skip\"\n\
         [[models]]\nname = \"divided\"\nfeatures = [{{ name = \"d\", sql = \"100 / cast(y as bigint)\" }}]\nk = 2\nscope = \"all\"\n"
    );
    let job = job(3, &models);
    let rows = [["1", "1"], ["2", "2"], ["", "3"], ["4", "0"], ["5", "5"]];
    work.append(&job, &places(&rows)).await;
    let report = work.train(&job).await;
    let failed = |model: &str, words: &str| assert_failed(lines(&report, model)[0], words);
    failed("over_all", "feature \"x\": 1 of 5 rows are null or NaN");
    failed("none", "no row is left by `where`");
    failed("divided", "divide by zero");
    let lenient = lines(&report, "lenient")[0];
    assert_eq!((lenient.status, lenient.rows), (Trained, 4));
}
