//! Model folders with seeded damage: nothing that has a checksum changes a model, nobody panics, and all readers end in time.

use std::collections::BTreeMap;

use bytes::Bytes;
use gugus_clusters::Fitted;
use gugus_damage::{Draw, cases, damaged, in_time};
use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite},
};
use gugus_models::{ModelJson, ModelStore};
use gugus_spec::ModelName;

use crate::kinds::{mixture, month, moving, quiet, spots};
use crate::models::{batch, keep, model};
use crate::sparks::write_like_spark;

/// Cases of one seed: a few seconds in a debug build.
const CASES: u64 = 300;

/// A folder that Spark wrote has no checksums.
const SPARKS: &str = "sparks_batch_7";

/// The files of a folder, by their names in it.
type Files = BTreeMap<String, Bytes>;

/// The models that can be read, by their folders.
type Read = BTreeMap<String, (Option<ModelJson>, Fitted)>;

/// A model of each kind, and an alias.
async fn files() -> Files {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let drafts = [model("location", batch(1)), moving(), spots(), quiet()];
    let mut files = Vec::new();
    for draft in drafts.into_iter().chain([mixture(), month("2024-05")]) {
        let about = keep(&models, &draft).await;
        let name: ModelName = about.model.parse().unwrap();
        let folder = ModelStore::folder(&name, &about.extent());
        let in_folder = about.checksums.keys().map(String::as_str);
        let in_folder = in_folder.chain(["model.json", "_SUCCESS"]);
        files.extend(in_folder.map(|file| format!("{folder}/{file}")));
    }
    write_like_spark(&store, SPARKS).await;
    for part in ["metadata", "data"] {
        let folder = format!("{SPARKS}/{part}");
        let listed = store.list(&folder, gugus_files::Sizes::Skip).await.unwrap();
        let listed = listed.unwrap().files;
        files.extend(listed.iter().map(|file| format!("{folder}/{}", file.name)));
    }
    let mut contents = Files::new();
    for file in files {
        contents.insert(file.clone(), bytes_of(&store, &file).await);
    }
    let aliases = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/v1_aliases/location/aliases.json"
    );
    let aliases = std::fs::read(aliases).unwrap();
    contents.insert("location/aliases.json".to_owned(), aliases.into());
    contents
}

/// Everything that can be read of a store.
#[tokio::main(flavor = "current_thread")]
async fn read(files: Files) -> Read {
    let store = Store::in_memory();
    for (file, bytes) in files {
        overwrite(&store, &file, bytes).await;
    }
    let models = ModelStore::new(store);
    let mut read = Read::new();
    for listed in models.list().await.unwrap() {
        for extent in listed.extents() {
            if let Ok(name) = listed.model.parse::<ModelName>() {
                // An error is an answer.
                let _ = models.about(&name, extent.clone()).await;
                let _ = models.aliases(&name).await;
            }
            if let Ok(saved) = models.read(&listed.model, extent).await {
                read.insert(saved.folder, (saved.about, saved.fitted));
            }
        }
    }
    read
}

/// The folder that gives another model than before, although its checksums show each change.
fn changed<'a>(whole: &Read, found: &'a Read) -> Option<&'a String> {
    // A folder of Spark has no checksums.
    let mut checked = found
        .iter()
        .filter(|(folder, _)| !folder.starts_with(SPARKS));
    let changed = checked.find(|(folder, model)| whole[*folder] != **model);
    changed.map(|(folder, _)| folder)
}

fn one_case(files: &Files, whole: &Read, draw: &mut Draw) -> Result<(), String> {
    let names: Vec<&String> = files.keys().collect();
    let file = names[draw.below(names.len())];
    let mut altered = files.clone();
    altered.insert(file.clone(), damaged(&files[file], draw).into());
    let found = in_time(move || read(altered)).map_err(|why| format!("{file}: {why}"))?;
    match changed(whole, &found) {
        Some(folder) => Err(format!("{folder} gives another model; {file} is damaged")),
        None => Ok(()),
    }
}

#[tokio::test]
async fn no_damage_gives_another_model() {
    let files = files().await;
    tokio::task::spawn_blocking(move || {
        let whole = read(files.clone());
        assert_eq!(whole.len(), 7, "{:?}", whole.keys());
        cases(CASES, 51, |draw| one_case(&files, &whole, draw));
    })
    .await
    .unwrap();
}
