//! Silhouettes on disk: a viewer waits for each only once, even if the scheduler restarts.
//!
//! The file is replaced as a whole, the oldest silhouette first. A write that fails is logged, and the silhouettes stay in memory.

use std::io;
use std::path::Path;
use std::sync::Arc;

use gugus_evaluate::Evaluation;
use gugus_models::{Extent, Stamp};
use serde::{Deserialize, Serialize};

use super::asked_work::Done;
use super::key::Key;
use crate::replace::replace;

/// The file's name in the folder of the scheduler's state.
pub(super) const FILE: &str = "silhouettes.jsonl";

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Line<E> {
    store: String,
    model: String,
    /// The name of the folder of this part of the model.
    folder: String,
    stamp: Stamp,
    evaluation: E,
}

/// The silhouettes that were kept, the oldest first. A line that cannot be read is left out: its silhouette can be computed
/// again.
pub(super) fn read(file: &Path) -> Done<Key, Evaluation> {
    let text = match gugus_error::read_regular(file) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(file = %file.display(), %error, "silhouettes that were kept before cannot be read");
            }
            return Vec::new();
        }
    };
    let text = String::from_utf8_lossy(&text);
    let line = |line: &str| {
        let line: Line<Evaluation> = serde_json::from_str(line).ok()?;
        let key = Key {
            store: line.store,
            model: line.model,
            extent: Extent::from_folder_name(&line.folder)?,
            stamp: line.stamp,
        };
        Some((key, Arc::new(line.evaluation)))
    };
    text.lines().filter_map(line).collect()
}

/// Keeps these in place of all that were kept before.
pub(super) fn write(file: &Path, done: &[(Key, Arc<Evaluation>)]) {
    if let Err(error) = try_write(file, done) {
        tracing::warn!(file = %file.display(), %error, "silhouettes could not be kept; they will be gone when this process ends");
    }
}

fn try_write(file: &Path, done: &[(Key, Arc<Evaluation>)]) -> io::Result<()> {
    let mut text = Vec::new();
    for (key, evaluation) in done {
        let line = Line {
            store: key.store.clone(),
            model: key.model.clone(),
            folder: key.extent.folder_name(),
            stamp: key.stamp.clone(),
            evaluation: evaluation.as_ref(),
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    replace(file, &text, |_| Ok(()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn kept_silhouettes_are_read_again_and_a_damaged_line_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert!(read(&file).is_empty());
        let evaluation: Evaluation = serde_json::from_str(
            r#"{"model":"m","batch":7,"window":null,"on":[7],"distance_measure":"euclidean","k":2,"rows":4,"dropped":0,
                "cost":0.5,"training_cost":0.5,"silhouette":0.9,"sizes":[2,2],"elbow":[],"seconds":0.1,"clusters":
                [{"cluster":0,"center":[1.0],"rows":2,"weight":2.0,"cost":0.25,"silhouette":null}]}"#,
        )
        .unwrap();
        let key = |folder: &str| Key {
            store: "/data/models".to_owned(),
            model: "m".to_owned(),
            extent: Extent::from_folder_name(folder).unwrap(),
            stamp: serde_json::from_str("\"s\"").unwrap(),
        };
        let evaluation = Arc::new(evaluation);
        let done = [
            (key("all"), Arc::clone(&evaluation)),
            (key("batch_00000007"), Arc::clone(&evaluation)),
        ];
        write(&file, &done);
        assert!(read(&file) == done);

        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen("\"all\"", "\"none\"", 1)).unwrap();
        assert!(read(&file) == done[1..]);
    }
}
