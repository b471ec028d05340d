//! `/models/{model}/{of}`: one model.

use std::sync::Arc;

use gugus_evaluate::Evaluation;
use gugus_look::path_part;
use gugus_models::{Extent, ModelJson, SavedModel};
use gugus_pages::command::shell_word;
use gugus_pages::href;
use gugus_pages::model::{Cluster, Feature, Map, Model, Silhouette, Trained, Work};
use gugus_pages::models::ModelState;
use gugus_plot::Axes;
use gugus_spec::BatchNumber;
use http::StatusCode;

use super::chosen_store::chosen_store;
use super::drift::Drift;
use super::models::{data, of};
use super::served::Asked;
use super::shown::Shown;
use crate::problem::Problem;
use crate::stores::{Key, Listing, ModelsView, Shelf, WorkState};

/// The address of `serve` in a command to copy.
const SERVE: &str = "http://127.0.0.1:8000";

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<Model, Problem> {
    let found = Found::of(&shown, &asked).await?;
    let listing = found.view.listing().await?;
    let mut page = Model {
        store: found.store.clone(),
        model: found.model.clone(),
        of: of(&found.extent),
        data: data(&found.extent),
        state: ModelState::Ready,
        reason: None,
        run: None,
        neighbours: neighbours(&listing, &found.model, &found.extent),
        trained: None,
    };
    match found.view.read(&found.model, &found.extent).await? {
        Some(Ok(saved)) => {
            let axes = [asked.choice("x"), asked.choice("y")];
            let trained = found.trained(&saved, &listing, axes).await;
            page.trained = Some(Box::new(trained));
        }
        Some(Err(reason)) => (page.state, page.reason) = (ModelState::Unusable, Some(reason)),
        None => found.explain(&mut page, &listing).await?,
    }
    Ok(page)
}

/// A model that a path names.
pub(super) struct Found {
    pub(super) shelf: Shelf,
    pub(super) store: String,
    pub(super) view: Arc<ModelsView>,
    pub(super) model: String,
    pub(super) extent: Extent,
}

impl Found {
    /// Finds the store and checks the path. The model need not be there.
    pub(super) async fn of(shown: &Shown, asked: &Asked) -> Result<Self, Problem> {
        let nowhere = || {
            Problem::new(
                StatusCode::NOT_FOUND,
                "name the folder of models, as in /models/location/1?in=/data/models",
            )
        };
        let shelf = shown.shelf.clone().ok_or_else(nowhere)?;
        let (store, _) = chosen_store(&shelf, asked, |pair| pair.models);
        let store = store.ok_or_else(nowhere)?;
        let view = shelf.models(&store).await?;
        let text = asked.part("of");
        let batch = text.parse().ok().map(Extent::Batch);
        let extent = batch.or_else(|| Extent::from_folder_name(text)).ok_or_else(|| {
            let why = format!("\"{text}\" is neither the number of a batch, nor \"all\", nor the folder of a window");
            Problem::new(StatusCode::NOT_FOUND, why)
        })?;
        Ok(Self {
            shelf,
            store,
            view,
            model: asked.part("model").to_owned(),
            extent,
        })
    }

    /// The model if it is there, for work on it.
    pub(super) async fn saved(&self) -> Result<Arc<SavedModel>, Problem> {
        match self.view.read(&self.model, &self.extent).await? {
            Some(Ok(saved)) => Ok(saved),
            Some(Err(reason)) => Err(Problem::new(StatusCode::CONFLICT, reason)),
            None => Err(self.missing()),
        }
    }

    pub(super) fn missing(&self) -> Problem {
        let why = format!(
            "there is no model {:?} of {} in {}",
            self.model,
            data(&self.extent),
            self.store
        );
        Problem::new(StatusCode::NOT_FOUND, why)
    }

    pub(super) fn key(&self, saved: &SavedModel) -> Key {
        Key {
            store: self.store.clone(),
            model: self.model.clone(),
            extent: self.extent.clone(),
            stamp: saved.stamp.clone(),
        }
    }

    /// Where the batches of the model are: with those that the newest run of its job used, else of any job.
    pub(super) fn batches(&self, about: Option<&ModelJson>) -> Option<String> {
        let pairs = self
            .shelf
            .pairs()
            .into_iter()
            .filter(|pair| pair.models == self.store);
        let pairs: Vec<_> = pairs.collect();
        let of_job = pairs
            .iter()
            .find(|pair| about.is_some_and(|about| about.job == pair.job));
        of_job.or(pairs.first()).map(|pair| pair.batches.clone())
    }

    /// Says why there is no model.
    async fn explain(&self, page: &mut Model, listing: &Listing) -> Result<(), Problem> {
        let unusable = listing.unusable.iter();
        let mut unusable =
            unusable.filter(|folder| folder.model == self.model && folder.extent == self.extent);
        if let Some(folder) = unusable.next() {
            page.state = ModelState::Unusable;
            page.reason = Some(format!(
                "{}: {}",
                self.view.display(&folder.folder),
                folder.reason
            ));
            return Ok(());
        }
        let failed = self.shelf.failed(&self.store, listing).await.into_iter();
        let mut failed =
            failed.filter(|failed| failed.model == self.model && failed.extent == self.extent);
        let Some(failed) = failed.next() else {
            return Err(self.missing());
        };
        page.state = ModelState::Failed;
        page.reason = Some(failed.reason);
        page.run = Some(failed.run.to_string());
        Ok(())
    }

    async fn trained(&self, saved: &SavedModel, listing: &Listing, axes: [&str; 2]) -> Trained {
        let about = saved.about.as_ref();
        let batches = self.batches(about);
        let drift = Drift::of(&self.view, listing, &self.model, &self.extent, saved).await;
        let summary = about.map(|about| &about.summary);
        let middles = saved.fitted.middles();
        let clusters = middles.into_iter().enumerate().map(|(at, center)| Cluster {
            rows: summary.and_then(|summary| summary.sizes.get(at).copied()),
            center,
            shares: drift.shares(at),
            distances: drift.distances(at),
        });
        let silhouette = self.silhouette(saved, batches.as_deref());
        let map = self.map(saved, batches.as_deref(), axes).await;
        let known = Trained {
            algorithm: "KMeansModel, written by Spark".to_owned(),
            k: saved.k as u64,
            uid: saved.uid.clone(),
            clusters: clusters.collect(),
            over: drift.batches(),
            silhouette,
            map,
            batches,
            curl: curl(&self.model, &self.extent, saved),
            spark: saved
                .fitted
                .centers()
                .map(|_| self.view.display(&saved.folder)),
            ..Trained::default()
        };
        match about {
            None => known,
            Some(about) => told(about, known),
        }
    }

    fn silhouette(&self, saved: &SavedModel, batches: Option<&str>) -> Work<Silhouette> {
        if let Some(why) = impossible(saved, batches) {
            return Work::Impossible(why);
        }
        work(self.shelf.silhouette(&self.key(saved)), |done| {
            figures(&done)
        })
    }

    async fn map(&self, saved: &SavedModel, batches: Option<&str>, [x, y]: [&str; 2]) -> Map {
        if let Some(why) = impossible(saved, batches) {
            return Map {
                axes: None,
                picture: Work::Impossible(why),
            };
        }
        let Some((about, batches)) = saved.about.as_ref().zip(batches) else {
            return Map::default();
        };
        let features: Vec<String> = about
            .features
            .iter()
            .map(|feature| feature.name.clone())
            .collect();
        let named = |name: &str| {
            (!name.is_empty() && features.iter().any(|feature| feature == name))
                .then(|| name.to_owned())
        };
        let axes = Axes::find(
            &self.model,
            &features,
            named(x).as_deref(),
            named(y).as_deref(),
        );
        let Ok(axes) = axes else {
            return Map::default();
        };
        let (x, y) = axes.names(&features);
        let key = self.key(saved);
        let mut standing = self.shelf.sample(&key);
        if standing.is_none() && Shelf::draws_itself(&key, about.summary.rows, features.len()) {
            match self.shelf.asked(key.clone(), batches).await {
                Ok(asked) => self
                    .shelf
                    .draw_sample(asked, about.summary.rows, features.len()),
                Err(problem) => standing = Some(WorkState::Failed(problem.detail().to_owned())),
            }
            standing = standing.or_else(|| self.shelf.sample(&key));
        }
        let of = of(&self.extent);
        let picture = href::map_picture(&self.store, &self.model, &of, [x, y]);
        Map {
            axes: Some((x.to_owned(), y.to_owned())),
            picture: work(standing, |_| picture),
        }
    }
}

/// Why nothing can be computed on the rows of a model.
pub(super) fn impossible(saved: &SavedModel, batches: Option<&str>) -> Option<String> {
    if saved.about.is_none() {
        return Some(
            "Spark wrote this model, so nothing tells its features and its batch.".to_owned(),
        );
    }
    if saved.fitted.centers().is_none() {
        return Some("only k-means has a center for each cluster.".to_owned());
    }
    if batches.is_none() {
        return Some(
            "no run of this scheduler used these models, so their batches are unknown to it."
                .to_owned(),
        );
    }
    None
}

fn work<T, S>(standing: Option<WorkState<T>>, done: impl FnOnce(Arc<T>) -> S) -> Work<S> {
    match standing {
        None => Work::None,
        Some(WorkState::Running(progress)) => Work::Running(progress.now()),
        Some(WorkState::Done(result)) => Work::Done(done(result)),
        Some(WorkState::Failed(why)) => Work::Failed(why),
    }
}

fn figures(evaluation: &Evaluation) -> Silhouette {
    Silhouette {
        silhouette: evaluation.silhouette,
        clusters: evaluation
            .clusters
            .iter()
            .map(|cluster| cluster.silhouette)
            .collect(),
        rows: evaluation.rows,
        cost: evaluation.cost,
        seconds: evaluation.seconds,
    }
}

/// What `model.json` tells beside.
fn told(about: &ModelJson, known: Trained) -> Trained {
    let algorithm = serde_json::to_value(&about.algorithm).unwrap_or_default();
    let params = algorithm
        .get("params")
        .and_then(serde_json::Value::as_object);
    let params = params.into_iter().flatten().map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    let invalid = serde_json::to_value(about.handle_invalid).ok();
    let invalid =
        invalid.and_then(|value| Some(("handle_invalid".to_owned(), value.as_str()?.to_owned())));
    Trained {
        job: Some(about.job.clone()),
        algorithm: about.algorithm.name().to_owned(),
        params: params.chain(invalid).collect(),
        features: about
            .features
            .iter()
            .map(|feature| Feature {
                name: feature.name.clone(),
                sql: feature.sql.clone(),
            })
            .collect(),
        condition: about.r#where.clone(),
        weight_col: about.weight_col.clone(),
        rows: Some(about.summary.rows),
        iterations: Some(about.summary.iterations),
        cost: Some(about.summary.training_cost),
        noise: about.summary.noise,
        trained_at: Some(about.trained_at.clone()),
        gugus_version: Some(about.gugus_version.clone()),
        commit_id: about.commit_id.clone(),
        ..known
    }
}

/// The models of the batch before and after.
fn neighbours(listing: &Listing, model: &str, extent: &Extent) -> [Option<String>; 2] {
    let (Some(listed), Some(batch)) = (listing.named(model), extent.batch()) else {
        return [None, None];
    };
    let before = listed.batches.partition_point(|other| *other < batch);
    let after = listed.batches.partition_point(|other| *other <= batch);
    let text = |number: &BatchNumber| number.to_string();
    [
        before
            .checked_sub(1)
            .and_then(|at| listed.batches.get(at))
            .map(text),
        listed.batches.get(after).map(text),
    ]
}

/// The command that asks `serve` for the cluster of a record: one that lies at the first center where features are columns.
fn curl(model: &str, extent: &Extent, saved: &SavedModel) -> String {
    let path = match extent {
        Extent::Batch(batch) => format!("/models/{model}/batches/{batch}/predict"),
        Extent::Window(key) => format!(
            "/models/{model}/windows/{}/predict",
            path_part(key.as_str())
        ),
        Extent::All => format!("/models/{model}/predict"),
    };
    let center = saved
        .fitted
        .middles()
        .into_iter()
        .next()
        .unwrap_or_default();
    let body = match &saved.about {
        None => serde_json::json!({ "features": center }),
        Some(about) => {
            let columns = about.columns.iter().map(|column| {
                let feature = about.features.iter().position(|feature| {
                    feature.sql == column.name || feature.sql == format!("\"{}\"", column.name)
                });
                let value = feature.and_then(|at| center.get(at));
                let value =
                    value.map_or_else(|| serde_json::json!("…"), |value| serde_json::json!(value));
                (column.name.clone(), value)
            });
            serde_json::Value::Object(columns.collect())
        }
    };
    let body = shell_word(&body.to_string());
    format!("curl -X POST {SERVE}{path} -H 'content-type: application/json' -d {body}")
}
