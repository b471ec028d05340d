//! Requests to a real server that go wrong on the way.

use gugus_batches::{BatchLog, LogError};
use gugus_files::{
    StoreError,
    conformance::s3_server::{BUCKET, S3Server},
};

use crate::kit::{self, JOB, TOPIC, commit, commit_with_reject, draft};

/// The client asks again by itself when the answer of a creation is lost, and hears that the name is taken: by itself.
#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_ours() {
    let Some(server) = S3Server::shared() else {
        return;
    };
    let id = uuid::Uuid::new_v4().simple();
    let store = server.open(&format!("s3://{BUCKET}/lost-answers/{id}"));
    let mut log = kit::open(&store).await;
    for first in [0, 10, 20] {
        commit_with_reject(&mut log, first, first + 10, first).await;
    }
    assert_eq!(kit::verified(&store).await, (27, 3));
}

/// S3 may refuse both of two creations at the same time, and wants to be asked again. That is neither a commit of
/// somebody else nor a reason to give up.
#[tokio::test]
async fn a_conflict_is_tried_again() {
    let Some(server) = S3Server::shared() else {
        return;
    };
    let id = uuid::Uuid::new_v4().simple();
    let store = server.open(&format!("s3://{BUCKET}/conflicts/{id}"));
    let mut log = kit::open(&store).await;
    commit_with_reject(&mut log, 0, 10, 3).await;
    assert_eq!(kit::verified(&store).await, (9, 1));
}

#[tokio::test]
async fn nothing_of_the_probe_stays() {
    let Some(server) = S3Server::shared() else {
        return;
    };
    let store = server.fresh();
    let mut log = kit::open(&store).await;
    commit(&mut log, &draft(0, 0, 1)).await;
    let listed = store
        .object_store()
        .list_with_delimiter(Some(&store.object_path("")))
        .await
        .unwrap();
    let names: Vec<_> = listed
        .objects
        .iter()
        .filter_map(|it| it.location.filename())
        .collect();
    assert_eq!(names, ["batch_00000001.parquet"]);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_empty_folder() {
    let Some(server) = S3Server::shared() else {
        return;
    };
    let store = server.open("s3://nobody-made-this/batches");
    let job = JOB.parse().unwrap();
    let opened = BatchLog::open(store.clone(), &job, TOPIC)
        .await
        .unwrap_err();
    let read = BatchLog::read(store).await.unwrap_err();
    for error in [opened, read] {
        assert_is!(error, LogError::Store(StoreError::NoBucket { .. }));
        assert!(
            error.to_string().contains("no bucket nobody-made-this"),
            "{error}"
        );
    }
}
