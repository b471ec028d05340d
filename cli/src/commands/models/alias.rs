//! `gugus models alias`.

use std::str::FromStr;

use clap::Args;
use gugus_files::Stores;
use gugus_models::{AliasMove, Aliases, Direction, Extent, ModelError, ModelStore};
use gugus_spec::{AliasName, BatchNumber, ModelName, NotABatchNumber};
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::ModelsFolder;
use crate::output::{Output, table};

/// Let a name such as `production` stand for the model of a batch
///
/// Callers of `gugus serve` name the alias where the number of a batch may stand. The alias moves at once, and only to a
/// complete model. `gugus models prune` never removes a model that an alias stands for.
///
/// Example: gugus models alias location production 7 --models data/models
///
/// Next: `gugus models list` shows the aliases of all models.
#[derive(Debug, Args)]
pub(super) struct Alias {
    /// The model's name
    model: ModelName,
    /// The alias, such as production
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    alias: Option<AliasName>,
    /// The batch that the alias stands for from now on: a number, or `latest` for the newest batch at this moment
    #[arg(required_unless_present_any = ["list", "remove"], conflicts_with_all = ["list", "remove"])]
    batch: Option<Target>,
    /// Remove the alias; the model stays
    #[arg(long, conflicts_with = "list")]
    remove: bool,
    /// List the aliases of the model
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    models: ModelsFolder,
}

/// The batch that an alias is to stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Latest,
    Batch(BatchNumber),
}

impl FromStr for Target {
    type Err = NotABatchNumber;

    fn from_str(text: &str) -> Result<Self, NotABatchNumber> {
        match text {
            "latest" => Ok(Self::Latest),
            number => number.parse().map(Self::Batch),
        }
    }
}

impl Alias {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let models = ModelStore::new(self.models.open(&Stores::from_env())?);
        let model = &self.model;
        match (self.alias, self.batch) {
            (Some(alias), Some(target)) => set(&models, model, &alias, target, output).await?,
            (Some(alias), None) => remove(&models, model, &alias, output).await?,
            (None, _) => list(&models, model, output).await?,
        }
        Ok(Code::Done)
    }
}

async fn set(
    models: &ModelStore,
    model: &ModelName,
    alias: &AliasName,
    target: Target,
    output: Output,
) -> Result<(), Failure> {
    let batch = match target {
        Target::Batch(batch) => batch,
        Target::Latest => newest(models, model).await?,
    };
    let moved = models.set_alias(model, alias, batch, Direction::Any).await;
    let before = match moved.map_err(Failure::usage)? {
        AliasMove::Moved(before) => before,
        AliasMove::There | AliasMove::Ahead(_) => Some(batch),
    };
    let document = json!({ "model": model, "alias": alias, "batch": batch, "before": before });
    output.show(&document, || {
        let before = match before {
            None => String::new(),
            Some(before) if before == batch => ", as before".to_owned(),
            Some(before) => format!(", before: batch {before}"),
        };
        format!("{alias} stands for batch {batch} of {model}{before}")
    })
}

/// The newest batch that has a complete model.
async fn newest(models: &ModelStore, model: &ModelName) -> Result<BatchNumber, Failure> {
    let listed = models.list().await.map_err(Failure::usage)?;
    let of_model = listed.iter().find(|of| of.model == model.as_str());
    let newest = of_model.and_then(|of| of.batches.last()).copied();
    newest.ok_or_else(|| {
        let (model, extent) = (model.to_string(), Extent::All);
        match of_model {
            None => Failure::usage(ModelError::NotFound { model, extent }),
            Some(_) => Failure::usage(format!(
                "the model {model:?} has no batches, and an alias stands for the model of a batch"
            )),
        }
    })
}

async fn remove(
    models: &ModelStore,
    model: &ModelName,
    alias: &AliasName,
    output: Output,
) -> Result<(), Failure> {
    let removed = models.remove_alias(model, alias).await;
    let Some(removed) = removed.map_err(Failure::usage)? else {
        return Err(Failure::usage(format!(
            "the model {model:?} has no alias {alias:?}; list its aliases with --list"
        )));
    };
    let before = removed.batch;
    let document = json!({ "model": model, "alias": alias, "batch": null, "before": before });
    output.show(&document, || {
        format!("{alias} of {model} is removed, before: batch {before}")
    })
}

async fn list(models: &ModelStore, model: &ModelName, output: Output) -> Result<(), Failure> {
    let aliases = models.aliases(model).await.map_err(Failure::usage)?;
    let document = json!({ "model": model, "aliases": aliases.aliases });
    output.show(&document, || text(&aliases))
}

fn text(aliases: &Aliases) -> String {
    let mut table = table(["alias", "batch", "since"]);
    for (alias, of) in &aliases.aliases {
        table.add_row([alias.to_string(), of.batch.to_string(), of.since.clone()]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        alias: Alias,
    }

    fn parse(words: &str) -> Result<Alias, clap::Error> {
        let words = std::iter::once("alias").chain(words.split(' '));
        Line::try_parse_from(words).map(|line| line.alias)
    }

    #[test]
    fn one_thing_is_asked_for() {
        for words in [
            "m production 7",
            "m production latest",
            "m production --remove",
            "m --list",
        ] {
            assert!(parse(words).is_ok(), "{words}");
        }
        for words in [
            "m",
            "m production",
            "m 7 7",
            "m latest 7",
            "m production 0",
            "m production all",
            "m production 7 --remove",
            "m production --list",
            "m --remove",
            "m --list --remove",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
        let latest = parse("m production latest").unwrap().batch;
        assert_eq!(latest, Some(Target::Latest));
    }
}
