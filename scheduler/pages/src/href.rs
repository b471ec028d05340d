//! Addresses of pages. No name that they carry leaves its place in the address.

use gugus_look::{path_part, query_value};

/// The batches of a store.
#[must_use]
pub fn batches(store: &str) -> String {
    format!("/batches?in={}", query_value(store))
}

/// One batch.
#[must_use]
pub fn batch(store: &str, number: u64) -> String {
    format!("/batches/{number}?in={}", query_value(store))
}

/// The models of a store.
#[must_use]
pub fn models(store: &str) -> String {
    format!("/models?in={}", query_value(store))
}

/// One model. `of` is a batch's number, `all`, or the folder of a window.
#[must_use]
pub fn model(store: &str, model: &str, of: &str) -> String {
    format!("{}?in={}", model_path(model, of), query_value(store))
}

/// One model, for a form that names the store in a field.
pub(crate) fn model_path(model: &str, of: &str) -> String {
    format!("/models/{}/{}", path_part(model), path_part(of))
}

/// Where the silhouette of a model is asked for.
pub(crate) fn silhouette(store: &str, model: &str, of: &str) -> String {
    let path = model_path(model, of);
    format!("{path}/silhouette?in={}", query_value(store))
}

/// Where the map of a model is asked for, with the features to the right and upwards.
pub(crate) fn map(store: &str, model: &str, of: &str, axes: [&str; 2]) -> String {
    part_with_axes("map", store, model, of, axes)
}

/// The map of a model as a picture, with the features to the right and upwards.
#[must_use]
pub fn map_picture(store: &str, model: &str, of: &str, axes: [&str; 2]) -> String {
    part_with_axes("map.svg", store, model, of, axes)
}

fn part_with_axes(part: &str, store: &str, model: &str, of: &str, axes: [&str; 2]) -> String {
    let (path, store) = (model_path(model, of), query_value(store));
    let [x, y] = axes.map(query_value);
    format!("{path}/{part}?in={store}&x={x}&y={y}")
}

/// One run.
#[must_use]
pub fn run(id: &str) -> String {
    format!("/runs/{}", path_part(id))
}

/// One Ballista job.
#[must_use]
pub fn job(id: &str) -> String {
    format!("/jobs/{}", path_part(id))
}

/// One executor.
#[must_use]
pub fn executor(id: &str) -> String {
    format!("/executors/{}", path_part(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_they_name() {
        assert_eq!(
            model("/data/m&x", "a b", "window_2024"),
            "/models/a%20b/window_2024?in=/data/m%26x"
        );
        assert_eq!(batch("s3://b/p", 7), "/batches/7?in=s3://b/p");
        assert_eq!(
            map_picture("/m", "a/b", "7", ["x&y", "z"]),
            "/models/a%2Fb/7/map.svg?in=/m&x=x%26y&y=z"
        );
        assert_eq!(job("a/b"), "/jobs/a%2Fb");
    }
}
