//! Runs the conformance suite on every kind of store that we have.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::sync::Arc;

use gugus_store::{Store, conformance::s3_server::S3Server};
use object_store::{ObjectStore, prefix::PrefixStore};

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

macro_rules! on_every_store {
    ($suite:ident: $($case:ident),+ $(,)?) => {
        mod $suite {
            on_every_store!(@on folder, $suite: $($case),+);
            on_every_store!(@on memory, $suite: $($case),+);
            on_every_store!(@on prefix, $suite: $($case),+);
            on_every_store!(@on s3, $suite: $($case),+);
        }
    };
    (@on $store:ident, $suite:ident: $($case:ident),+) => {
        mod $store {
            $(#[tokio::test]
            async fn $case() {
                let Some(fresh) = crate::$store() else { return };
                gugus_store::conformance::$suite::$case(fresh.store.clone()).await;
            })+
        }
    };
}

on_every_store!(log:
    commits_are_numbered_and_read_back,
    rows_are_sorted_and_our_columns_last,
    two_writers_race,
    a_stale_writer_loses_once_and_goes_on,
    refreshing_finds_the_newest,
    a_commit_of_no_rows_carries_rejects,
    ranges_may_be_wider_than_records,
    old_batches_may_be_pruned,
    other_files_are_ignored,
);

on_every_store!(jumps:
    a_log_goes_on_behind_deleted_records,
    a_recreated_topic_begins_anew,
    last_records_are_kept,
    two_writers_that_jump_race,
    contradictory_jumps_are_refused,
);

on_every_store!(replay:
    rejected_records_are_replayed,
    two_replays_race,
    imports_go_on_after_a_replay,
    contradictory_replays_are_refused_or_show,
    reject_files_are_checked_before_a_replay,
    generations_are_told_apart,
);

on_every_store!(prune:
    the_newest_are_kept,
    the_head_stays_whatever_its_age,
    pruning_may_stop_anywhere,
    pruning_touches_nothing_else,
    batch_numbers_never_restart,
    pruning_and_appending_at_once,
);

on_every_store!(damage:
    truncated_batches_are_named,
    foreign_parquet_is_named,
    renamed_batches_are_named,
    gaps_stop_readers_and_refuse_writers,
    a_batch_of_another_chain_shows,
    reject_files_are_checked,
);

on_every_store!(models:
    models_are_written_and_read,
    models_are_kept_or_replaced,
    torn_models_count_as_not_there,
    unfinished_models_are_not_there,
    contradictory_models_are_refused,
);

on_every_store!(kinds:
    every_kind_is_written_and_read,
    torn_kinds_count_as_not_there,
    windows_are_written_listed_and_read,
    contradictory_kinds_are_refused,
    the_newest_batches_are_a_window,
);

on_every_store!(refusals:
    imports_run_on,
    a_topics_folder_takes_no_imports,
    contradictory_drafts_are_refused,
    folders_of_others_are_refused,
);

on_every_store!(sparks:
    sparks_models_are_served_by_name,
    names_never_lead_out_of_the_folder,
    other_formats_say_what_they_are,
);

/// Faults need a store between us and the bytes, so only object stores have these.
macro_rules! with_faults {
    ($($case:ident),+ $(,)?) => {
        mod faults {
            with_faults!(@on memory: $($case),+);
            with_faults!(@on s3: $($case),+);
        }
    };
    (@on $store:ident: $($case:ident),+) => {
        mod $store {
            $(#[tokio::test]
            async fn $case() {
                gugus_store::conformance::faults::IMPATIENT.store(true, std::sync::atomic::Ordering::Relaxed);
                let Some(fresh) = crate::$store() else { return };
                gugus_store::conformance::faults::$case(crate::root_of(&fresh.store)).await;
            })+
        }
    };
}

/// The folder as an object store of its own.
fn root_of(store: &Store) -> Arc<dyn ObjectStore> {
    Arc::new(PrefixStore::new(
        store.object_store(),
        store.object_path(""),
    ))
}

with_faults!(
    a_lost_answer_is_no_lost_commit,
    reading_the_number_is_tried_again,
    an_error_may_hide_a_loss,
    rejects_go_first,
    a_store_that_stays_down_is_reported,
    who_slept_through_pruning_takes_its_batch_back,
    a_listing_amid_pruning_shows_no_gap,
);
