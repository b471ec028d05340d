//! `gugus models plot`: a map of what a model was trained on.

use serde_json::json;

use crate::kit::process::{Output, run};
use crate::kit::same::{contains, short};
use crate::kit::work::Work;

fn plot(work: &Work, model: &str, more: &[&str]) -> Output {
    let (models, batches) = (work.path("models"), work.path("batch"));
    let places = ["--models", &models, "--batches", &batches];
    run([&["models", "plot", model], &places[..], more].concat())
}

/// How many rows of each colour an SVG shows, by its paths.
fn rows(svg: &str) -> usize {
    let paths = svg.lines().filter(|line| line.contains("fill-opacity"));
    let paths = paths.filter(|line| line.starts_with("<path"));
    paths.map(|line| line.matches('M').count()).sum()
}

#[test]
fn a_map_shows_rows_and_centers_the_same_every_time() {
    let work = Work::new();
    let job = work.generated(300, 3);
    let only = ["--model", "location", "--model", "case"];
    work.train(&job, &only).expect(0);
    let file = work.path("map.svg");
    let first = ["--batch", "2", "--output-file", &file, "--output", "json"];
    let document = plot(&work, "location", &first).expect(0).json();
    let described = json!({
        "model": "location", "batch": 2, "window": null, "rows": 100, "drawn": 100, "x": "LON", "y": "LAT", "file": file
    });
    assert_eq!(document, described);
    let svg = std::fs::read_to_string(&file).unwrap();
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
        "{}",
        short(&svg)
    );
    let legend = "5 clusters, 100 rows";
    contains(
        &svg,
        &["location, batch 2", ">LON<", ">LAT<", legend, "4: "],
    );
    let outside = svg.contains("outside of the map");
    assert!(rows(&svg) == 100 || outside, "{} rows", rows(&svg));
    plot(&work, "location", &first).expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), svg);

    // Any two features, by name.
    let axes = ["--x", "age", "--y", "theft", "--output-file", &file];
    let drawn = plot(&work, "case", &axes).expect(0);
    drawn.prints(&["age and theft of 100 of 100 rows"]);
    let other = std::fs::read_to_string(&file).unwrap();
    contains(&other, &[">age<", "case, batch 3"]);

    let refused = plot(&work, "location", &["--x", "AREA", "--output-file", &file]).expect(2);
    let words = "model \"location\" has no feature \"AREA\"; it has LAT, LON";
    refused.says(&[words]);
    let nowhere = work.path("none/map.svg");
    let failed = plot(&work, "location", &["--output-file", &nowhere]).expect(1);
    failed.says(&["could not be written"]);
}

#[test]
fn of_many_rows_some_are_drawn_and_names_are_text() {
    let work = Work::new();
    let models = "[[models]]\nname = \"many\"\nfeatures = [{ name = \"<x> & co\", sql = \"x\" }, \"y\"]\nk = 2\nscope = \"all\"\n\
                  [[models]]\nname = \"line\"\nfeatures = [\"x\"]\nk = 2\n";
    let job = work.job(15_000, models);
    let mut text = "x,y\n".to_owned();
    for i in 0..25_000_u32 {
        text.push_str(&format!("{},{}\n", i % 2 * 10, f64::from(i) / 1e4));
    }
    work.imported(&job, &work.write("many.csv", text));
    work.train(&job, &[]).expect(0);
    let file = work.path("map.svg");
    let drawn = plot(&work, "many", &["--output-file", &file]).expect(0);
    drawn.prints(&["20,000 of 25,000 rows"]);
    let svg = std::fs::read_to_string(&file).unwrap();
    assert_eq!(rows(&svg), 20_000);
    let legend = "20,000 of 25,000 rows, drawn at random";
    contains(&svg, &["&lt;x&gt; &amp; co", "12,500 (50.0 %)", legend]);
    assert!(!svg.contains("<x>"));
    assert!(svg.len() < 2_000_000, "{} bytes", svg.len());

    let refused = plot(&work, "line", &["--output-file", &file]).expect(2);
    refused.says(&["has one feature; a map takes two"]);
}
