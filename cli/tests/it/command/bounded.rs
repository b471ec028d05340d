//! Texts and files of kilobytes that ask for gigabytes, under a limit of memory. Each is refused by name, and a training that
//! has the same limit finishes beside them.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::kit::process::Gugus;
use crate::kit::work::{Work, importing, model, training};

/// A shell that lets a command have two gigabytes of addresses, in KiB.
const LIMITED: [&str; 3] = ["sh", "-c", "ulimit -v 1953125 && exec \"$0\" \"$@\""];

/// Bytes of a value that nothing may hold.
const LARGE: usize = 160 << 20;

/// A model over a feature of this SQL.
fn over(sql: &str) -> String {
    let feature = format!("[{{ name = \"f\", sql = \"\"\"{sql}\"\"\" }}, \"y\"]");
    model("m", "k = 2\n").replace("[\"x\", \"y\"]", &feature)
}

/// A CSV file that gzip makes small, as `gzip` packs it.
fn packed(work: &Work, name: &str) -> String {
    let text = work.write("text.csv", "x,y\n".to_owned() + &"1".repeat(LARGE) + ",2\n");
    let packed = work.path(name);
    let gzip = format!("gzip -1 < {text} > {packed}");
    let done = std::process::Command::new("sh")
        .args(["-c", &gzip])
        .status();
    assert!(done.unwrap().success());
    std::fs::remove_file(text).unwrap();
    packed
}

/// A Parquet file of one row, whose text is large and packs well.
fn one_row(work: &Work, name: &str) -> String {
    let path = work.path(name);
    let number = || Arc::new(Float64Array::from(vec![1.0])) as ArrayRef;
    let text = Arc::new(StringArray::from(vec!["x".repeat(LARGE)])) as ArrayRef;
    let columns = [("x", number()), ("y", number()), ("text", text)];
    let row = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(Compression::ZSTD(ZstdLevel::default()));
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, row.schema(), Some(properties.build())).unwrap();
    writer.write(&row).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn every_text_and_every_file_that_asks_for_gigabytes_is_refused_by_name() {
    let work = Work::new();
    let job = work.job(1000, &model("m", "k = 5\nmax_iter = 60\ntol = 0.0\n"));
    work.imported(&job, &work.scattered("in.csv", 20_000));
    let (batches, models) = (work.path("batch"), work.path("models"));
    let beside = Gugus::new(training(&job, &batches, &models)).under(LIMITED);
    let beside = beside.spawn();

    for (name, sql, words) in [
        ("range", "range(0, 1000000000)[1]", "range"),
        (
            "series",
            "array_length(generate_series(0, 1000000000))",
            "generate_series",
        ),
        ("repeat", "length(repeat('x', 2000000000))", "repeat"),
        ("pad", "length(lpad('x', 2000000000, 'y'))", "lpad"),
    ] {
        let text = crate::kit::work::job("test", 1000, &over(sql));
        let asks = work.write(&format!("{name}.toml"), text);
        for command in [
            Gugus::new(["job", "check", &asks]),
            Gugus::new(training(&asks, &batches, &work.path("others"))),
        ] {
            let refused = command.under(LIMITED).run().expect(2);
            refused.says(&["\"f\"", words]);
        }
    }

    let names: Vec<String> = (0..100_000).map(|n| format!("c{n}")).collect();
    let wide = work.write("wide.csv", format!("{}\n1\n", names.join(",")));
    let (packed, row) = (
        packed(&work, "packed.csv.gz"),
        one_row(&work, "row.parquet"),
    );
    let others = work.path("other_batches");
    for (file, name) in [
        (&*wide, "wide.csv"),
        (&packed, "packed.csv.gz"),
        (&row, "row.parquet"),
        ("/dev/zero", "/dev/zero"),
    ] {
        let import = Gugus::new(importing(&job, file, &others));
        let refused = import.under(LIMITED).run();
        assert!([1, 2].contains(&refused.code()), "{}", refused.stderr);
        refused.says(&["error: ", name]);
    }
    let report = beside.wait().expect(0).json();
    assert_eq!(report["failed"], 0);
    assert_eq!(report["models"].as_array().unwrap().len(), 20);
}
