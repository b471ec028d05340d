//! Damaged batches: `batches verify` names each of them in time, and `train` makes no other model from one.
//!
//! A seed and the number of a case decide the batch and its damage. `GUGUS_CHAOS_CASES` says how many cases a seed has.

use std::fs;
use std::path::PathBuf;

use gugus_batches::Verification;
use gugus_damage::damaged;
use gugus_files::Store;

use super::{cases, in_time};
use crate::kit::work::{self, Work};

/// Cases of one seed: a few seconds in a debug build.
const CASES: u64 = 200;

/// Of so many damaged batches, one is trained on, too.
const TRAINED: usize = 40;

#[test]
fn no_damage_to_a_batch_passes() {
    let work = Work::new();
    let job = work.job(40, &work::model("m", "k = 3\n"));
    work.imported(&job, &work.scattered("in.csv", 120));
    work.trained(&job, "whole", &[]);
    let whole = work::models(&work.path("whole"));
    let files = (1..=3).map(|n| work.path(&format!("batch/batch_{n:08}.parquet")));
    let files: Vec<(PathBuf, Vec<u8>)> = files
        .map(|file| (file.clone().into(), fs::read(file).unwrap()))
        .collect();
    cases(CASES, 23, |draw| {
        let (file, bytes) = &files[draw.below(files.len())];
        let altered = damaged(bytes, draw);
        if altered == *bytes {
            return Ok(());
        }
        fs::write(file, altered).unwrap();
        let folder = work.path("batch");
        let verified = in_time(move || verify(&folder));
        let trained = match draw.below(TRAINED) {
            0 => train(&work, &job, &whole),
            _ => Ok(()),
        };
        fs::write(file, bytes).unwrap();
        match verified?.problems.is_empty() {
            true => Err("it passed".to_owned()),
            false => trained,
        }
    });
    assert_eq!(verify(&work.path("batch")).problems, [""; 0]);
}

fn verify(folder: &str) -> Verification {
    let store = Store::open(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let verified = gugus_batches::verify(&store, |_| ());
    runtime.unwrap().block_on(verified).unwrap()
}

/// Trains on a damaged batch. Each model that comes out is the one of the whole batches.
fn train(work: &Work, job: &str, whole: &serde_json::Value) -> Result<(), String> {
    let said = work.training(job, "damaged", &[]).run().stderr;
    let folder = work.path("damaged");
    let made = match fs::exists(&folder).unwrap() {
        true => work::models(&folder),
        false => serde_json::json!({}),
    };
    let _ = fs::remove_dir_all(&folder);
    if said.contains("panicked at") {
        return Err(format!("train panicked: {said}"));
    }
    let mut made = made.as_object().unwrap().iter();
    match made.find(|(path, model)| whole[path.as_str()] != **model) {
        Some((path, _)) => Err(format!("{path} was trained on changed rows")),
        None => Ok(()),
    }
}
