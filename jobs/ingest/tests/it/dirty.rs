//! Files as people have them: damaged, empty, packed, cut at another character, or not files at all. `docs/ingest.md` has a
//! table made of these tests.

use std::path::PathBuf;

use arrow::array::{ArrayRef, BinaryArray, Float32Array, Int64Array, RecordBatch};
use arrow::array::{AsArray, StringArray};
use gugus_ingest::import::Repeat;
use gugus_ingest::{Kind, infer};
use gugus_spec::Job;

use crate::import_files::{gzip, parquet};
use crate::support::*;

/// `points` for CSV files with semicolons.
fn semicolons() -> Job {
    let text = "name = \"points\"\n[source]\ntopic = \"t\"\n[source.csv]\ndelimiter = \";\"\n[source.columns]\n\
                x = { type = \"float64\", required = true }\ny = { type = \"float64\" }\n";
    Job::parse(text, "job.toml").unwrap()
}

/// Each file has the points 1 and 2 and no reject.
#[tokio::test]
async fn files_that_are_read_in_full() {
    let csv = b"x,y\n1,\n2,\n";
    let cut = |length: usize| vec![0_u8; length];
    let files: [(&str, Vec<u8>); 16] = [
        ("plain.csv", csv.to_vec()),
        ("mark.csv", [b"\xef\xbb\xbf", &csv[..]].concat()),
        ("padded.csv", b"  x , y\n1,\n2,\n".to_vec()),
        ("commas.csv", b"x,y,,\n1,,,\n2,,,\n".to_vec()),
        ("packed.csv.gz", gzip(csv)),
        ("zeros.csv.gz", [gzip(csv), cut(1), cut(9_000)].concat()),
        ("parts.csv.gz", [gzip(b"x,y\n1,\n"), gzip(b"2,\n")].concat()),
        ("lines.jsonl", b"{\"x\":1}\n\n{\"x\":2}".to_vec()),
        (
            "mark.jsonl",
            b"\xef\xbb\xbf{\"x\":1}\r\n{\"x\":2}\r\n".to_vec(),
        ),
        ("array.json", b"[{\"x\":1},\n{\"x\":2}]\n".to_vec()),
        (
            "mark.json",
            b"\xef\xbb\xbf \n[\n{\n\"x\":1},{\"x\":2}\n]".to_vec(),
        ),
        ("array.jsonl", b"[{\"x\":1},{\"x\":2}]".to_vec()),
        ("array.json.gz", gzip(b"[{\"x\":1},{\"x\":2}]")),
        ("behind.json", b"[{\"x\":1}]\n{\"x\":2}\n".to_vec()),
        ("cut.json", b"[{\"x\":1},{\"x\":2}".to_vec()),
        (
            "zeros.jsonl.gz",
            [gzip(b"{\"x\":1}\n{\"x\":2}\n"), cut(512)].concat(),
        ),
    ];
    for (name, bytes) in files {
        let folder = Folder::new();
        let summary = folder.import(&points("t", ""), name, bytes).await;
        assert_eq!((summary.records, summary.rejected), (2, 0), "{name}");
        assert_eq!(sorted_xs(&folder.rows().await), [1.0, 2.0], "{name}");
    }
    let folder = Folder::new();
    let summary = folder.import(&semicolons(), "a.csv", "x;y\n1;\n2;\n").await;
    assert_eq!((summary.records, summary.rejected), (2, 0));
}

/// Each file has the points 1 and 2, and one reject that holds the damage.
#[tokio::test]
async fn damage_is_a_reject_with_its_text_and_its_place() {
    let files: [(&str, &str, &str, &str); 6] = [
        (
            "open.csv",
            "x,y\n1,\n2,\n3,\"4\n5,\n",
            "3,\"4\n5,\n",
            "line 4",
        ),
        (
            "behind.csv",
            "x,y\n1,\n2,\n3,\"4\"5\n",
            "3,\"4\"5",
            "line 4",
        ),
        ("cells.csv", "x,y\n1,\n2,\n3,4,5\n", "3,4,5", "3 cells"),
        (
            "line.jsonl",
            "{\"x\":1}\n{\"x\":\n{\"x\":2}\n",
            "{\"x\":",
            "JSON",
        ),
        ("element.json", "[{\"x\":1},{\"x\":,{\"x\":2}]", "", ""),
        (
            "end.json",
            "[{\"x\":1},{\"x\":2},{\"x\":3",
            "{\"x\":3",
            "JSON",
        ),
    ];
    for (name, text, value, word) in files {
        let folder = Folder::new();
        let summary = folder.import(&points("t", ""), name, text).await;
        let rejects = folder.rejects().await;
        if value.is_empty() {
            // A bracket that is not closed takes the rest of the array along.
            assert_eq!((summary.records, summary.rejected), (1, 1), "{name}");
            continue;
        }
        assert_eq!((summary.records, summary.rejected), (2, 1), "{name}");
        let (_, kept, reason) = &rejects[0];
        let kept = String::from_utf8(kept.clone().unwrap()).unwrap();
        assert_eq!(kept.trim_end(), value.trim_end(), "{name}");
        assert!(reason.contains(word), "{name}: {reason}");
    }
}

#[tokio::test]
async fn files_without_records_are_no_copies_of_each_other() {
    let folder = Folder::new();
    let texts = [
        ("a.csv", "x,y\n"),
        ("b.csv", "x,y\n"),
        ("c.csv", ""),
        ("d.csv", ""),
        ("e.jsonl", ""),
        ("f.json", " \n"),
        ("g.csv.gz", ""),
        ("h.csv", "x,y\n1,\n"),
    ];
    let files = texts.map(|(name, text)| folder.write(name, text));
    let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let summary = folder.import_all(&points("t", ""), &files).await;
    assert_eq!((summary.records, summary.rejected), (1, 0));
    // They leave no trace, so they may come again.
    let summary = folder.import_all(&points("t", ""), &files[..7]).await;
    assert_eq!((summary.batches, summary.records), (0, 0));
    // Alone, a file without a header is an error.
    let error = folder.import_error(&points("t", ""), &files[2..3]).await;
    says(&error, Kind::Usage, &["c.csv", "it has no header"]);
}

/// One message names the remedy, and nothing is begun.
#[tokio::test]
async fn files_that_are_refused_with_what_to_do() {
    let utf_16: Vec<u8> = "\u{feff}x,y\n1,\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let packed = gzip(b"x,y\n1,\n");
    let files: [(&str, Vec<u8>, &str); 8] = [
        (
            "semicolons.csv",
            b"x;y\n1;\n".to_vec(),
            "delimiter = ';' under [source.csv]",
        ),
        (
            "tabs.csv",
            b"x\ty\n1\t\n".to_vec(),
            "delimiter = '\\t' under [source.csv]",
        ),
        (
            "pipes.csv.gz",
            gzip(b"x|y\n1|\n"),
            "delimiter = '|' under [source.csv]",
        ),
        ("wide.csv", utf_16.clone(), "it is UTF-16"),
        ("wide.jsonl.gz", gzip(&utf_16), "it is UTF-16"),
        (
            "cut.csv.gz",
            packed[..packed.len() - 4].to_vec(),
            "cut off or damaged",
        ),
        (
            "more.csv.gz",
            [gzip(b"x,y\n1,\n"), b"more".to_vec()].concat(),
            "damaged",
        ),
        (
            "quote.csv",
            b"x,\"y\n1,\n".to_vec(),
            "its header is damaged",
        ),
    ];
    for (name, bytes, word) in files {
        let folder = Folder::new();
        let file = folder.write(name, bytes);
        let error = folder.import_error(&points("t", ""), &[&file]).await;
        says(&error, Kind::Usage, &[name, word]);
        assert!(!folder.path("batch").exists(), "{name}: nothing was begun");
    }
    // The same for a file with commas and a job for semicolons.
    let folder = Folder::new();
    let file = folder.write("a.csv", "x,y\n1,\n");
    let error = folder.import_error(&semicolons(), &[&file]).await;
    says(&error, Kind::Usage, &["delimiter = ',' under [source.csv]"]);
}

/// A message names damage only where there is damage.
#[tokio::test]
async fn a_record_without_end_is_not_called_damage_of_the_disk() {
    let folder = Folder::new();
    let text = format!("{{\"x\":\"{}\n", "x".repeat(65 << 20));
    let file = folder.write("a.jsonl", text);
    let error = folder.import_error(&points("t", ""), &[&file]).await;
    says(&error, Kind::Failed, &["a.jsonl", "64 MiB", "is it JSON"]);
    assert!(!error.to_string().contains("damaged"), "{error}");
}

/// The first bytes of a pipe tell its format, and its checksum is that of its bytes.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_a_file() {
    let csv = b"x,y\n1,\n2,\n";
    let table = parquet(&[point_rows(1..3).await]);
    let contents: [(&str, Vec<u8>); 5] = [
        ("csv", csv.to_vec()),
        ("csv.gz", gzip(csv)),
        ("json", b" [{\"x\":1},{\"x\":2}]".to_vec()),
        ("jsonl.gz", gzip(b"{\"x\":1}\n{\"x\":2}\n")),
        ("parquet", table),
    ];
    for (what, bytes) in contents {
        let folder = Folder::new();
        let pipe = folder.path("pipe");
        let run = || {
            let made = std::process::Command::new("mkfifo").arg(&pipe).status();
            assert!(made.unwrap().success());
            let (pipe, bytes) = (pipe.clone(), bytes.clone());
            std::thread::spawn(move || std::fs::write(pipe, bytes).unwrap())
        };
        let writer = run();
        let summary = folder.import_all(&points("t", ""), &[&pipe]).await;
        writer.join().unwrap();
        assert_eq!((summary.records, summary.rejected), (2, 0), "{what}");
        assert_eq!(sorted_xs(&folder.rows().await), [1.0, 2.0], "{what}");
        std::fs::remove_file(&pipe).unwrap();
        let writer = run();
        let error = folder.import_error(&points("t", ""), &[&pipe]).await;
        writer.join().unwrap();
        says(&error, Kind::Usage, &["imported before"]);
    }
}

#[tokio::test]
async fn a_job_inferred_of_a_file_with_semicolons_says_so() {
    let folder = Folder::new();
    let file = folder.write("a.csv", "x;y\n1,5;2\n3,5;\n");
    let config = infer::Config {
        file: file.clone(),
        rows: 10,
        name: None,
    };
    let text = infer::run(&config).unwrap();
    assert!(text.contains("[source.csv]\ndelimiter = \";\"\n"), "{text}");
    let job = Job::parse(&text, "job.toml").unwrap();
    assert_eq!(folder.import_all(&job, &[&file]).await.records, 2);
}

/// What a direct import takes and what a replay takes are the same values, whatever the job had wrong.
#[tokio::test]
async fn a_replayed_row_of_parquet_has_the_values_of_an_import() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "n",
            std::sync::Arc::new(Int64Array::from(vec![5_000_000_000, 6_000_000_000])),
        ),
        (
            "x",
            std::sync::Arc::new(Float32Array::from(vec![0.1, 41.1])),
        ),
        (
            "text",
            std::sync::Arc::new(StringArray::from(vec![" a\"\n", "01"])),
        ),
        (
            "bytes",
            std::sync::Arc::new(BinaryArray::from(vec![b"OAK ST".as_slice(), b"ELM"])),
        ),
    ];
    let table = parquet(&[RecordBatch::try_from_iter(columns).unwrap()]);
    let rest = "x = { type = \"float64\" }\nbytes = { type = \"utf8\" }";
    // At first no row has a value that fits this column.
    let wrong = job(
        "points",
        "t",
        &format!("n = {{ type = \"int32\" }}\n{rest}"),
        "",
    );
    let right = job(
        "points",
        "t",
        &format!("n = {{ type = \"int64\" }}\n{rest}"),
        "",
    );
    let direct = Folder::new();
    direct.import(&right, "a.parquet", &table).await;
    let folder = Folder::new();
    let summary = folder.import(&wrong, "a.parquet", &table).await;
    assert_eq!((summary.records, summary.rejected), (0, 2));
    let replayed = gugus_ingest::replay::Config {
        job: right,
        store: folder.store(),
        batch: None,
        mode: gugus_ingest::replay::Mode::Commit,
        progress: gugus_progress::Progress::default(),
    };
    let summary = gugus_ingest::replay::run(replayed, Default::default())
        .await
        .unwrap();
    assert_eq!((summary.replayed, summary.rejected), (2, 0), "{summary:?}");
    let (direct, replayed) = (direct.rows().await, folder.rows().await);
    let replayed = replayed.last().unwrap();
    for name in ["n", "x", "bytes", "text"] {
        assert_eq!(&direct[0][name], &replayed[name], "{name}");
    }
    assert_eq!(replayed["bytes"].as_string::<i32>().value(0), "OAK ST");
}

/// The whole import is done again when it is asked for, also of a file with one header only.
#[tokio::test]
async fn copies_with_records_are_still_refused() {
    let folder = Folder::new();
    let files = ["a.csv", "b.csv"].map(|name| folder.write(name, "x\n1\n"));
    let files = [files[0].as_path(), files[1].as_path()];
    let error = folder.import_error(&points("t", ""), &files).await;
    says(&error, Kind::Usage, &["a.csv", "b.csv", "same content"]);
    let mut config = import(&folder, &points("t", ""), &files);
    config.repeat = Repeat::Again;
    assert_eq!(run_import(config).await.unwrap().records, 2);
}
