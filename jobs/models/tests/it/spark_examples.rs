//! Models that Spark 3.5.5 itself saved.

use std::path::{Path, PathBuf};

use gugus_files::Store;
use gugus_kmeans::DistanceMeasure;
use gugus_models::ModelStore;
use gugus_spec::BatchNumber;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::models::{keep, model};

/// The models are not part of the project: `GUGUS_TEST_DATA` names the folder that has them.
fn folder() -> Option<PathBuf> {
    Some(Path::new(&std::env::var_os("GUGUS_TEST_DATA")?).join("spark/examples"))
}

fn examples() -> Option<ModelStore> {
    let store = Store::open(folder()?.to_str().unwrap()).unwrap();
    Some(ModelStore::new(store))
}

#[tokio::test]
async fn sparks_own_models_are_listed_and_read() {
    let Some(models) = examples() else { return };
    let listed = models.list().await.unwrap();
    let upstream = listed.iter().find(|m| m.model == "kmeans_model").unwrap();
    assert_eq!(
        upstream.batches.iter().map(|b| b.get()).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    let other = listed
        .iter()
        .find(|m| m.model == "crime_batch_9_k5_seed1")
        .unwrap();
    assert_eq!((other.batches.len(), other.all), (0, true));
    for batch in &upstream.batches {
        let saved = models.read("kmeans_model", Some(*batch)).await.unwrap();
        assert_eq!(
            (saved.k, saved.fitted.clusters(), saved.fitted.dimensions()),
            (5, 5, 2)
        );
        assert_eq!(
            (saved.about, saved.fitted.distance_measure()),
            (None, DistanceMeasure::Euclidean)
        );
        assert!(saved.uid.starts_with("KMeans_"), "{}", saved.uid);
    }
    assert_eq!(
        models.read("crime_batch_9_k5_seed1", None).await.unwrap().k,
        5
    );
}

/// Schema and entries of our data file against Spark's.
#[tokio::test]
async fn our_data_files_have_sparks_schema() {
    let Some(folder) = folder() else { return };
    let dir = tempfile::tempdir().unwrap();
    let models = ModelStore::new(Store::open(dir.path().to_str().unwrap()).unwrap());
    keep(&models, &model("m", Some(BatchNumber::FIRST))).await;
    let ours = data_file(&dir.path().join("m/batch_00000001/data"));
    let sparks = data_file(&folder.join("kmeans_model_batch_1/data"));
    let [ours, sparks] = [ours, sparks].map(|reader| {
        let file = reader.metadata().file_metadata().clone();
        let mut entries: Vec<_> = file.key_value_metadata().unwrap().clone();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        (
            file.schema().clone(),
            entries,
            reader.metadata().row_group(0).column(0).compression(),
        )
    });
    assert_eq!(ours, sparks);
}

fn data_file(folder: &Path) -> SerializedFileReader<std::fs::File> {
    let mut entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let path = entries
        .find(|path| path.extension().is_some_and(|e| e == "parquet"))
        .unwrap();
    SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap()
}
