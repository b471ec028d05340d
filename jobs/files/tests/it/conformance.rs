//! Runs the suite on every backend that we have.

use gugus_files::{Store, conformance::s3_server::S3Server};

/// A store and what keeps it alive.
struct Fresh {
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

fn folder() -> Option<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    // Deeper than what is there, so that making the folder is a part of every case.
    let path = folder.path().join("data/with space");
    Some(Fresh {
        store: Store::open(path.to_str().unwrap()).unwrap(),
        _folder: Some(folder),
    })
}

fn without_folder(store: Store) -> Option<Fresh> {
    Some(Fresh {
        store,
        _folder: None,
    })
}

fn memory() -> Option<Fresh> {
    without_folder(Store::in_memory())
}

fn prefix() -> Option<Fresh> {
    let objects = Store::in_memory().object_store();
    without_folder(Store::on_objects(objects, "a/b".into(), "memory:///"))
}

/// None where there is no server to be had, which says so.
fn s3() -> Option<Fresh> {
    without_folder(S3Server::shared()?.fresh())
}

macro_rules! on_every_backend {
    ($($backend:ident),+: $cases:tt) => {
        $(mod $backend {
            on_every_backend!(@on $backend: $cases);
        })+
    };
    (@on $backend:ident: [$($case:ident),+ $(,)?]) => {
        $(#[tokio::test]
        async fn $case() {
            let Some(fresh) = super::$backend() else { return };
            gugus_files::conformance::backend::$case(fresh.store.clone()).await;
        })+
    };
}

on_every_backend!(folder, memory, prefix, s3: [
    a_name_is_created_once_and_whole,
    one_of_many_creations_wins,
    getting_ready_leaves_nothing,
    ends_of_files_are_read,
    a_file_is_told_without_reading,
    deleting_twice_is_no_error,
    folders_are_listed_and_looked_through,
    a_known_content_is_swapped,
    no_swap_is_lost,
    folders_are_removed_whole,
    folders_are_put_in_place_whole,
]);
