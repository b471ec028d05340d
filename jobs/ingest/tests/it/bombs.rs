//! Files of kilobytes that ask for gigabytes, and devices in place of files.

use std::time::{Duration, Instant};

use gugus_ingest::{Kind, infer};

use crate::import_files::gzip;
use crate::support::*;

/// The most memory that this process ever had, in MiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

fn sampled(file: std::path::PathBuf) -> infer::Config {
    infer::Config {
        file,
        rows: 10,
        name: None,
    }
}

#[tokio::test]
async fn a_hundred_thousand_columns_are_read_at_once() {
    let folder = Folder::new();
    let names: Vec<String> = (0..100_000).map(|n| format!("c{n}")).collect();
    let text = format!("x,{}\n1{}\n", names.join(","), ",".repeat(100_000));
    let file = folder.write("wide.csv", &text);
    let began = Instant::now();
    let job = infer::run(&sampled(file)).unwrap();
    assert!(job.contains("c99999"));
    let twice = folder.write("twice.csv", text.replacen("c99999", "c0", 1));
    let error = folder.import_error(&points("t", ""), &[&twice]).await;
    says(&error, Kind::Usage, &["columns 2 and 100001", "\"c0\""]);
    // Generous, because the build is not optimised and the machine may be busy. Comparing all pairs of names takes longer.
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn packed_bombs_are_refused_and_cost_megabytes() {
    let folder = Folder::new();
    let long = 70 * 1024 * 1024;
    let header = "header is longer than 4 MiB";
    for (name, first_line, length, kind, words) in [
        (
            "row.csv.gz",
            "x,y\n",
            long,
            Kind::Failed,
            "longer than 64 MiB",
        ),
        ("names.csv.gz", "", 5 << 20, Kind::Usage, header),
    ] {
        let mut text = first_line.as_bytes().to_vec();
        text.resize(length, b',');
        text.extend(b"\n1\n");
        let file = folder.write(name, gzip(&text));
        assert!(file.metadata().unwrap().len() < 1024 * 1024);
        let error = folder.import_error(&points("t", ""), &[&file]).await;
        says(&error, kind, &[name, words]);
        let error = infer::run(&sampled(file)).unwrap_err();
        says(&error, kind, &[name, words]);
    }
    let blanks = folder.write("blanks.json.gz", gzip(&vec![b' '; long]));
    // Blanks alone are no record.
    let _ = run_import(import(&folder, &points("t", ""), &[&blanks])).await;
    assert!(most_memory() < 1536, "{} MiB", most_memory());
}

#[tokio::test]
async fn devices_are_refused_at_once() {
    let folder = Folder::new();
    let zero = std::path::Path::new("/dev/zero");
    let error = folder.import_error(&points("t", ""), &[zero]).await;
    says(
        &error,
        Kind::Usage,
        &["/dev/zero", "a device and not a file"],
    );
}
