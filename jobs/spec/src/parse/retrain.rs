//! `retrain` and `warm_start`: how a model over all batches is trained again.

use std::num::NonZeroU64;

use super::table::{Entry, Table};
use super::units;
use crate::{Error, Retrain, Scope};

/// What a model's table says of training it again.
#[derive(Default)]
pub(super) struct Again {
    pub(super) retrain: Option<Retrain>,
    pub(super) warm_start: bool,
}

/// How the model with this title and scope is trained again.
pub(super) fn again(model: &Table<'_>, title: &str, scope: &Scope) -> Result<Again, Error> {
    let retrain = over_all(model.get("retrain"), scope)?;
    let warm_start = over_all(model.get("warm_start"), scope)?;
    Ok(Again {
        retrain: retrain.map(|entry| read(&entry, title)).transpose()?,
        warm_start: match warm_start {
            Some(entry) => entry.truth()?,
            None => false,
        },
    })
}

/// Refuses a key that only a model over all batches may have.
fn over_all<'t>(entry: Option<Entry<'t>>, scope: &Scope) -> Result<Option<Entry<'t>>, Error> {
    match entry {
        Some(entry) if *scope != Scope::All => Err(entry.refuse(
            &"only a model with scope = \"all\" is trained again as its job file says: add that scope, or leave it out",
        )),
        entry => Ok(entry),
    }
}

fn read(entry: &Entry<'_>, title: &str) -> Result<Retrain, Error> {
    let table = entry.table(
        &format!("retrain of {title}"),
        &["batches", "every", "growth"],
    )?;
    match (
        table.get("batches"),
        table.get("every"),
        table.get("growth"),
    ) {
        (Some(batches), None, None) => {
            let wanted = u64::try_from(batches.integer(1, i64::MAX)?).ok();
            let wanted = wanted.and_then(NonZeroU64::new);
            Ok(Retrain::Batches(wanted.unwrap_or(NonZeroU64::MIN)))
        }
        (None, Some(every), None) => units::duration(&every).map(Retrain::Every),
        (None, None, Some(growth)) => match growth.number(0.0, f64::MAX)? {
            share if share > 0.0 => Ok(Retrain::Growth(share)),
            _ => Err(growth.refuse(&"it must be a share above 0, such as 0.1")),
        },
        _ => Err(entry.refuse(
            &"it must be one of { batches = 10 }, { every = \"5m\" } and { growth = 0.1 }",
        )),
    }
}
