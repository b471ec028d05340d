//! What the hashes of batches cost alone: the time to check them again, from memory.
//!
//! `hash_cost FOLDER [COLUMN…]` reads each batch of a folder, checks its footer and its pieces, or the pieces of these columns
//! only, and prints one JSON document: files, hashed bytes, seconds. Sealing a file hashes the same bytes as checking all
//! of it. Reading the metadata counts, too, so the seconds are an upper bound. `bench/ingest` runs it.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gugus_files::ParquetEnd;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or("usage: hash_cost FOLDER [COLUMN…]")?;
    let columns: Vec<String> = arguments.collect();
    let (mut files, mut bytes, mut time) = (0_u64, 0, Duration::ZERO);
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "parquet") {
            continue;
        }
        let file = std::fs::read(&path)?.into();
        let begun = Instant::now();
        let end = ParquetEnd::of_file(&file)?;
        let seal = end.seal.ok_or("a batch without hashes")?;
        let chunks = end.metadata.row_groups().iter();
        let chunks = chunks.flat_map(|group| group.columns());
        let chosen = chunks.filter(|chunk| columns.contains(&chunk.column_path().string()));
        let mut ranges: Vec<_> = chosen.map(|chunk| chunk.byte_range()).collect();
        if columns.is_empty() {
            ranges.push((0, file.len() as u64));
        }
        for (start, length) in ranges {
            let range = start..start + length;
            let range = seal.around(&range);
            let part = &file[usize::try_from(range.start)?..usize::try_from(range.end)?];
            seal.check(&range, black_box(part))?;
            bytes += part.len();
        }
        time += begun.elapsed();
        files += 1;
    }
    let seconds = time.as_secs_f64();
    println!(
        "{}",
        serde_json::json!({"files": files, "bytes": bytes, "seconds": seconds})
    );
    Ok(())
}
