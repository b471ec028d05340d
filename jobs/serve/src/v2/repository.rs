//! The models by the names and versions of the protocol.
//!
//! A model of the protocol is a model by its name. A version of it is one trained model: the number of a batch, the key of a
//! window, or `all`. No version means the newest batch, else the model over all batches, else the only window. `latest`
//! and aliases stand for batches as in every path.
//!
//! The repository is a folder that others write. To load a model is to read it now, and to tell why it cannot be read. To
//! unload a model is to drop it from memory and to refuse it, by this protocol alone, until it is loaded again or the service
//! starts again. The other paths and the folder do not change: nobody takes a model from somebody else's users.

use std::collections::BTreeSet;
use std::sync::Arc;

use gugus_models::{Extent, ListedModel};

use super::messages::{ModelIndex, ModelMetadata};
use super::metadata::{self, ALL, version};
use crate::asked::Wanted;
use crate::loaded::Loaded;
use crate::problem::{Code, Problem, cut};
use crate::state::State;

/// Why an unloaded model does not answer.
const IS_UNLOADED: &str = "the model was unloaded";

/// The model that a request names.
pub(super) async fn model(
    state: &State,
    name: &str,
    version: &str,
) -> Result<Arc<Loaded>, Problem> {
    if state.unloaded.has(name) {
        return Err(Problem::new(
            Code::UnknownModel,
            format!("model {:?} was unloaded; load it again", cut(name)),
        ));
    }
    let wanted = |listed: &ListedModel| wanted(listed, version);
    let wanted = state.catalogue.of_model(name, wanted).await??;
    state.catalogue.model(name, &wanted).await
}

/// The trained model that a version means.
fn wanted(listed: &ListedModel, version: &str) -> Result<Wanted, Problem> {
    let unknown = |what: String| {
        let detail = format!("{what}; POST /v2/repository/index lists the versions there are");
        Problem::new(Code::UnknownBatch, detail)
    };
    match version {
        "" => match newest(listed) {
            Wanted::Window(_) if listed.windows.len() > 1 => Err(unknown(
                "the model has several windows, and none is named".to_owned(),
            )),
            newest => Ok(newest),
        },
        ALL if listed.all => Ok(Wanted::All),
        // The key of a year looks like the number of a batch.
        _ => match version.parse() {
            Ok(key) if listed.windows.contains(&key) => Ok(Wanted::Window(key)),
            _ => Wanted::batch(version)
                .ok_or_else(|| unknown(format!("there is no version {:?}", cut(version)))),
        },
    }
}

/// The newest batch, else the model over all batches, else the window with the last key.
fn newest(listed: &ListedModel) -> Wanted {
    match listed.windows.last() {
        _ if !listed.batches.is_empty() => Wanted::Latest,
        Some(last) if !listed.all => Wanted::Window(last.clone()),
        _ => Wanted::All,
    }
}

/// What a model takes and gives.
pub(super) async fn metadata(
    state: &State,
    name: &str,
    version: &str,
) -> Result<ModelMetadata, Problem> {
    let model = model(state, name, version).await?;
    let about = |listed: &ListedModel| metadata::model(&model, listed);
    state.catalogue.of_model(name, about).await
}

/// All versions of all models, by name; without those that cannot be asked if `ready`.
pub(super) async fn index(state: &State, ready: bool) -> Vec<ModelIndex> {
    let listing = state.catalogue.listing().await;
    let unusable = state.catalogue.unusable(&listing, None).await;
    let cannot: BTreeSet<(&str, &Extent)> = unusable
        .iter()
        .map(|folder| (&*folder.model, &folder.extent))
        .collect();
    let mut index = Vec::new();
    let mut entry = |name: &str, extent: &Extent, reason: &str| {
        let reason = match reason {
            "" if state.unloaded.has(name) => IS_UNLOADED,
            reason => reason,
        };
        if ready && !reason.is_empty() {
            return;
        }
        let state = if reason.is_empty() {
            "READY"
        } else {
            "UNAVAILABLE"
        };
        index.push(ModelIndex {
            name: name.to_owned(),
            version: version(extent),
            state: state.to_owned(),
            reason: reason.to_owned(),
        });
    };
    for (name, listed) in &listing.models {
        for extent in listed.extents() {
            if !cannot.contains(&(&**name, &extent)) {
                entry(name, &extent, "");
            }
        }
    }
    for folder in &unusable {
        entry(&folder.model, &folder.extent, &folder.reason);
    }
    index.sort_by(|one, other| one.name.cmp(&other.name));
    index
}

/// Reads the newest version of a model now, or of its windows the last one. The model answers again.
pub(super) async fn load(state: &State, name: &str) -> Result<(), Problem> {
    let newest = state.catalogue.of_model(name, newest).await?;
    state.catalogue.model(name, &newest).await?;
    state.unloaded.remove(name);
    Ok(())
}

/// Drops a model from memory. The model does not answer by this protocol until it is loaded again.
pub(super) async fn unload(state: &State, name: &str) -> Result<(), Problem> {
    let listing = state.catalogue.listing().await;
    listing.model(name)?;
    let is_there = |name: &str| listing.models.contains_key(name);
    state.unloaded.insert(name, is_there);
    state.catalogue.forget(name).await;
    Ok(())
}
