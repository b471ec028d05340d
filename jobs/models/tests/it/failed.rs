//! `failed.json`: data that allowed no model.

use gugus_files::{Created, Store};
use gugus_models::{Extent, FailedFit, ModelError, ModelStore};
use gugus_spec::{BatchNumber, CommitId, ModelName};

/// As the first version wrote it; it stays readable for ever.
const FROZEN: &str = r#"{
  "version": 1,
  "failed": [
    {
      "of": "batch_00000007",
      "commit_id": "0f9e",
      "fit": "b5bb9d80",
      "reason": "feature \"x\": 1 of 5 rows are null or NaN"
    }
  ]
}
"#;

fn model() -> ModelName {
    "location".parse().unwrap()
}

fn failed(batch: u64, reason: &str) -> FailedFit {
    let of = Extent::from(BatchNumber::new(batch));
    let commit: CommitId = "0f9e".parse().unwrap();
    FailedFit::new(&of, commit, "b5bb9d80", reason)
}

#[tokio::test]
async fn version_1_is_read_and_written() {
    let known = failed(7, "feature \"x\": 1 of 5 rows are null or NaN");
    let models = ModelStore::new(Store::in_memory());
    assert_eq!(models.failed(&model()).await.unwrap(), []);
    models
        .remember_failed(&model(), std::slice::from_ref(&known))
        .await
        .unwrap();
    let file = models.store().get("location/failed.json").await.unwrap();
    assert_eq!(file, FROZEN);
    assert_eq!(models.failed(&model()).await.unwrap(), [known]);
    assert!(models.list().await.unwrap().is_empty(), "it is no model");
}

#[tokio::test]
async fn what_is_known_is_replaced_and_bounded() {
    let models = ModelStore::new(Store::in_memory());
    let many: Vec<FailedFit> = (1..=1_500).map(|batch| failed(batch, "no")).collect();
    for some in many.chunks(500) {
        models.remember_failed(&model(), some).await.unwrap();
    }
    models
        .remember_failed(&model(), &[failed(900, &"long ".repeat(200))])
        .await
        .unwrap();
    let known = models.failed(&model()).await.unwrap();
    assert_eq!(known.len(), 1_000);
    assert_eq!(
        (&*known[0].of, &*known[999].of),
        ("batch_00000501", "batch_00000900")
    );
    assert_eq!(known[999].reason.len(), 300);
    assert_eq!(
        known
            .iter()
            .filter(|fit| fit.of == "batch_00000900")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_damaged_file_is_absent_and_a_newer_one_is_left_alone() {
    for (text, is_newer) in [("{", false), (r#"{"version": 2, "failed": []}"#, true)] {
        let models = ModelStore::new(Store::in_memory());
        let created = models
            .store()
            .create("location/failed.json", text.into())
            .await;
        assert_eq!(created.unwrap(), Created::New);
        let read = models.failed(&model()).await;
        let written = models.remember_failed(&model(), &[failed(1, "no")]).await;
        if is_newer {
            assert!(matches!(read, Err(ModelError::Format { .. })), "{read:?}");
            assert!(written.is_err());
        } else {
            assert_eq!(read.unwrap(), []);
            written.unwrap();
            assert_eq!(models.failed(&model()).await.unwrap().len(), 1);
        }
    }
}
