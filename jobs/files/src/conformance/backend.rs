//! The conformance suite of backends, as plain functions over a fresh [`Store`].
//!
//! A case panics when the backend is not as it should be.
//!
//! ```
//! use gugus_files::{Store, conformance};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::backend::a_name_is_created_once_and_whole(Store::in_memory()).await;
//! # }
//! ```

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use futures::future::join_all;

use super::{bytes_of, overwrite, remove};
use crate::{Created, FolderContent, Onto, Placed, Sizes, Store, Swapped};

async fn create(store: &Store, file: &str, text: &'static str) -> Created {
    store
        .create(file, Bytes::from_static(text.as_bytes()))
        .await
        .unwrap()
}

async fn files(store: &Store, folder: &str) -> Vec<String> {
    let listed = store
        .list(folder, Sizes::Skip)
        .await
        .unwrap()
        .unwrap_or_default();
    let names: BTreeSet<String> = listed.files.into_iter().map(|file| file.name).collect();
    names.into_iter().collect()
}

/// The first creation of a name takes it, with the folders above it; the second changes nothing.
pub async fn a_name_is_created_once_and_whole(store: Store) {
    assert_eq!(create(&store, "a", "first").await, Created::New);
    assert_eq!(create(&store, "a", "second").await, Created::Exists);
    assert_eq!(create(&store, "below/b", "other").await, Created::New);
    assert_eq!(store.get("a").await.unwrap(), "first");
    assert_eq!(store.get("below/b").await.unwrap(), "other");
    assert_eq!(files(&store, "").await, ["a"], "nothing temporary stays");
    assert_eq!(files(&store, "below").await, ["b"]);
    assert_eq!(
        bytes_of(&store, "below/b").await,
        "other",
        "as a query engine sees it"
    );
    store.sync("").await.unwrap();
    store.sync("below").await.unwrap();
}

/// Of many creations of one name at a time, one takes it.
pub async fn one_of_many_creations_wins(store: Store) {
    for name in ["a", "b", "c"] {
        let creations = (0..8_u8).map(|writer| {
            let store = store.clone();
            async move {
                let bytes = vec![writer; 100_000];
                (writer, store.create(name, bytes.into()).await.unwrap())
            }
        });
        let created = join_all(creations).await;
        let won: Vec<u8> = created
            .into_iter()
            .filter(|(_, created)| *created == Created::New)
            .map(|(writer, _)| writer)
            .collect();
        assert_eq!(won.len(), 1, "{name}");
        assert_eq!(store.get(name).await.unwrap(), vec![won[0]; 100_000]);
    }
}

/// A store can be made ready several times, and the probe leaves nothing behind.
pub async fn getting_ready_leaves_nothing(store: Store) {
    for _ in 0..2 {
        store.prepare().await.unwrap();
        store.sweep("").await.unwrap();
        store.sweep("not-there").await.unwrap();
        let listed = store.list("", Sizes::Read).await.unwrap().unwrap();
        assert!(
            listed.files.is_empty() && listed.folders.is_empty(),
            "{listed:?}"
        );
    }
}

/// The end of a file comes with the size of the whole.
pub async fn ends_of_files_are_read(store: Store) {
    overwrite(&store, "ten", &b"0123456789"[..]).await;
    overwrite(&store, "none", &b""[..]).await;
    for (file, length, end, size) in [
        ("ten", 4, "6789", 10),
        ("ten", 10, "0123456789", 10),
        ("ten", 40, "0123456789", 10),
        ("none", 4, "", 0),
    ] {
        let tail = store.tail(file, length).await.unwrap();
        assert_eq!((tail.bytes, tail.size), (Bytes::from(end), size), "{file}");
    }
    assert!(store.tail("gone", 4).await.unwrap_err().is_not_found());
    let missing = store.get("gone").await.unwrap_err();
    assert!(missing.is_not_found() && !missing.may_pass());
    assert!(missing.to_string().contains("gone"), "{missing}");
}

/// A file that is written again has another stamp, whatever it holds.
pub async fn a_file_is_told_without_reading(store: Store) {
    assert_eq!(store.head("a").await.unwrap(), None);
    assert_eq!(store.head("a/b").await.unwrap(), None);
    create(&store, "a", "12345").await;
    let head = store.head("a").await.unwrap().unwrap();
    assert_eq!(head.about.size, 5);
    assert_eq!(store.head("a").await.unwrap(), Some(head.clone()));
    assert!(store.exists("a").await.unwrap());
    overwrite(&store, "a", &b"123456"[..]).await;
    let again = store.head("a").await.unwrap().unwrap();
    assert_ne!(again.stamp, head.stamp);
    let listed = store.list("", Sizes::Read).await.unwrap().unwrap();
    assert_eq!(listed.files.len(), 1);
    assert_eq!(listed.files[0].about.size, 6);
    let apart = again
        .about
        .modified
        .duration_since(listed.files[0].about.modified);
    assert!(apart.unwrap_or_default().as_secs() <= 1);
}

/// Deleting succeeds if the file is gone afterwards.
pub async fn deleting_twice_is_no_error(store: Store) {
    create(&store, "a", "").await;
    for _ in 0..2 {
        store.delete("a").await.unwrap();
        assert!(!store.exists("a").await.unwrap());
    }
    assert_eq!(create(&store, "a", "again").await, Created::New);
    store.delete("below/b").await.unwrap();
}

/// A listing has the direct content of a folder, and a tree has the whole content.
pub async fn folders_are_listed_and_looked_through(store: Store) {
    assert!(
        store
            .list("x", Sizes::Read)
            .await
            .unwrap()
            .unwrap_or_default()
            .files
            .is_empty()
    );
    let empty = store.tree("").await.unwrap();
    assert!(empty.folders("").unwrap().is_empty());
    for file in [
        "top", "m/a/1", "m/a/2", "m/b/c/1", "m-n/a/1", "m/file", "m2/x/1",
    ] {
        create(&store, file, "").await;
    }
    let mut listed = store.list("m", Sizes::Skip).await.unwrap().unwrap();
    listed.folders.sort();
    assert_eq!(listed.folders, ["a", "b"]);
    assert_eq!(files(&store, "m").await, ["file"]);
    let tree = store.tree("").await.unwrap();
    let folders = |folder: &str| {
        let mut folders = tree.folders(folder).unwrap();
        folders.sort();
        folders
    };
    assert_eq!(folders(""), ["m", "m-n", "m2"]);
    assert_eq!(folders("m"), ["a", "b"]);
    assert_eq!(
        (folders("m/b"), folders("gone")),
        (vec!["c".to_owned()], vec![])
    );
    assert_eq!(tree.files("m").unwrap(), ["file"]);
    assert_eq!(tree.files("").unwrap(), ["top"]);
    assert!(tree.files("gone").unwrap().is_empty());
    for (file, there) in [
        ("top", true),
        ("m/a/1", true),
        ("m/a/3", false),
        ("gone/x", false),
    ] {
        assert_eq!(tree.has(file), there, "{file}");
    }
    let below = store.tree("m/b").await.unwrap();
    assert_eq!(below.folders("m/b").unwrap(), ["c"]);
    assert!(below.has("m/b/c/1"));
}

/// A content is replaced only by a writer that knows it.
pub async fn a_known_content_is_swapped(store: Store) {
    const FILE: &str = "m/file";
    let swap = async |old: Option<&'static str>, new: &'static str| {
        let swapped = store.swap(FILE, old.map(Bytes::from), new.into()).await;
        swapped.unwrap()
    };
    assert_eq!(swap(Some("old"), "new").await, Swapped::Changed);
    assert!(!store.exists(FILE).await.unwrap(), "nothing was replaced");
    assert_eq!(swap(None, "one").await, Swapped::Done);
    assert_eq!(swap(None, "other").await, Swapped::Changed);
    assert_eq!(swap(Some("other"), "two").await, Swapped::Changed);
    assert_eq!(store.get(FILE).await.unwrap(), "one");
    let before = store.head(FILE).await.unwrap().unwrap();
    assert_eq!(swap(Some("one"), "two").await, Swapped::Done);
    assert_eq!(store.get(FILE).await.unwrap(), "two");
    assert_ne!(store.head(FILE).await.unwrap().unwrap().stamp, before.stamp);
    assert_eq!(
        files(&store, "m").await,
        ["file"],
        "nothing temporary stays"
    );
}

/// Writers who change one file at the same time, each by what it holds, lose no change.
pub async fn no_swap_is_lost(store: Store) {
    const FILE: &str = "list";
    const WRITERS: usize = 8;
    let add = |writer: usize| {
        let store = store.clone();
        async move {
            loop {
                let old = match store.get(FILE).await {
                    Err(e) if e.is_not_found() => None,
                    old => Some(old.unwrap()),
                };
                let mut new = old.clone().unwrap_or_default().to_vec();
                new.push(b'a' + writer as u8);
                if store.swap(FILE, old, new.into()).await.unwrap() == Swapped::Done {
                    return;
                }
            }
        }
    };
    join_all((0..WRITERS).map(add)).await;
    let mut list = store.get(FILE).await.unwrap().to_vec();
    list.sort_unstable();
    assert_eq!(list, b"abcdefgh");
}

/// A folder is removed with all in it, and with nothing else.
pub async fn folders_are_removed_whole(store: Store) {
    for file in ["m/a/j", "m/a/data/1", "m/a/_SUCCESS", "m/ab/j", "m/file"] {
        create(&store, file, "").await;
    }
    for _ in 0..2 {
        store.remove_folder("m/a", "_SUCCESS").await.unwrap();
        let listed = store.list("m", Sizes::Skip).await.unwrap().unwrap();
        assert_eq!(listed.folders, ["ab"]);
        assert_eq!(files(&store, "m").await, ["file"]);
    }
    store.remove_folder("gone/a", "_SUCCESS").await.unwrap();
    create(&store, "m/a/j", "again").await;
    assert_eq!(files(&store, "m/a").await, ["j"]);
}

/// A folder is put in an empty place, kept if it must stay, and replaced as a whole.
pub async fn folders_are_put_in_place_whole(store: Store) {
    const MARK: &str = "_SUCCESS";
    let put = async |files: &[(&str, &str)], onto| {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), bytes(text)));
        let content = FolderContent {
            files: files.collect(),
            mark: MARK,
            mark_content: bytes("whole"),
        };
        store
            .put_folder("m/a", Arc::new(content), onto)
            .await
            .unwrap()
    };
    let stamp = async || {
        store
            .head("m/a/_SUCCESS")
            .await
            .unwrap()
            .map(|head| head.stamp)
    };
    let old = [("j", "old"), ("data/1", "old")];
    assert_eq!(put(&old, Onto::Nothing).await, Placed::Written);
    assert_eq!(files(&store, "m/a").await, [MARK, "j"]);
    let first = stamp().await;
    assert!(first.is_some());
    assert_eq!(put(&[("j", "new")], Onto::Nothing).await, Placed::InTheWay);
    assert_eq!(
        (store.get("m/a/j").await.unwrap(), stamp().await),
        ("old".into(), first.clone())
    );
    assert_eq!(
        put(&[("j", "new"), ("data/2", "new")], Onto::Anything).await,
        Placed::Written
    );
    assert_eq!(store.get("m/a/j").await.unwrap(), "new");
    assert_eq!(files(&store, "m/a/data").await, ["2"], "old files are gone");
    assert_ne!(stamp().await, first, "equal marks are told apart");
    let listed = store.list("m", Sizes::Skip).await.unwrap().unwrap();
    assert_eq!(
        (listed.folders, listed.files.len()),
        (vec!["a".to_owned()], 0)
    );
    // A folder that lost its mark is in the way, too. The caller decides about it.
    remove(&store, "m/a/_SUCCESS").await;
    assert_eq!(put(&old, Onto::Nothing).await, Placed::InTheWay);
    assert_eq!(put(&old, Onto::Anything).await, Placed::Written);
    assert_eq!(store.get("m/a/_SUCCESS").await.unwrap(), "whole");
}
