//! `[[models]]`.

use toml::de::DeValue;

use super::algorithm;
use super::retrain::{Again, again};
use super::scope::scope;
use super::table::Entry;
use crate::job::{Feature, Model, OtherColumns, Promote, Source};
use crate::{Algorithm, HandleInvalid, Scope};
use crate::{Error, ModelName};

pub(super) fn models(entry: &Entry<'_>, source: &Source) -> Result<Vec<Model>, Error> {
    let expected = "models are written as [[models]], one for each";
    let mut models: Vec<Model> = Vec::new();
    for (i, item) in entry.items(expected)?.iter().enumerate() {
        if !matches!(item.value(), DeValue::Table(_)) {
            return Err(item.refuse(&expected));
        }
        let (model, name) = model(item, i, source)?;
        if models.iter().any(|other| other.name == model.name) {
            return Err(name
                .refuse(&"a model of that name stands above, and each needs a folder of its own"));
        }
        models.push(model);
    }
    Ok(models)
}

/// A model, and the entry that holds its name.
fn model<'t>(item: &Entry<'t>, i: usize, source: &Source) -> Result<(Model, Entry<'t>), Error> {
    // Messages name the model, if it has a name, because people do not count tables.
    let mut title = match item
        .value()
        .get("name")
        .and_then(|name| name.get_ref().as_str())
    {
        Some(name) if name.parse::<ModelName>().is_ok() => format!("[[models]] {name:?}"),
        _ => format!("[[models]] number {}", i + 1),
    };
    // The algorithm decides which keys are allowed. So it is read first, and messages about keys name it.
    let entries = item.any_table(&title, "it must be a table")?.entries();
    let facts = match entries.iter().find(|entry| entry.name() == "algorithm") {
        Some(entry) => {
            let facts = algorithm::named(entry)?;
            title.push_str(&format!(" with algorithm \"{}\"", facts.name));
            facts
        }
        None => Algorithm::default().facts(),
    };
    let table = item.table(&title, &algorithm::keys(facts))?;
    let entry = table.need("name", "the model's name, such as \"location\"")?;
    let name: ModelName = entry.text()?.parse().map_err(|e| entry.refuse(&e))?;
    let condition = table.read("where", |entry| entry.filled_text().map(str::to_owned))?;
    let features = features(
        &table.need(
            "features",
            "a list of columns, or of { name, sql } expressions",
        )?,
        &title,
        source,
    )?;
    let weight_col = facts.weighted.then(|| table.get("weight_col"));
    let weight_col = match weight_col.flatten() {
        Some(entry) => {
            let column = entry.filled_text()?;
            must_be_kept(&entry, column, source)?;
            Some(column.to_owned())
        }
        None => None,
    };
    let choices = [
        ("error", HandleInvalid::Error),
        ("skip", HandleInvalid::Skip),
    ];
    let handle_invalid = table.read("handle_invalid", |entry| entry.choice(&choices))?;
    let scope = scope(&table, &title, facts, source)?;
    let Again {
        retrain,
        warm_start,
    } = if facts.any_scope {
        again(&table, &title, &scope)?
    } else {
        Again::default()
    };
    let model = Model {
        name,
        condition,
        features,
        promote: table.read("promote", |entry| promote(entry, &title, &scope))?,
        scope,
        retrain,
        warm_start,
        algorithm: algorithm::algorithm(facts, item, &table)?,
        weight_col,
        handle_invalid: handle_invalid.unwrap_or_default(),
    };
    Ok((model, entry))
}

/// Only the models of batches have aliases.
fn promote(entry: &Entry<'_>, title: &str, scope: &Scope) -> Result<Promote, Error> {
    if *scope != Scope::Batch {
        return Err(entry.refuse(
            &"an alias stands for the model of a batch: leave it out, or leave out the scope",
        ));
    }
    let table = entry.table(&format!("promote of {title}"), &["if", "alias"])?;
    let condition = table.need(
        "if",
        "a condition, such as \"silhouette >= 0.4 and drift <= 0.2\"",
    )?;
    let alias = table.need("alias", "the alias to move, such as \"production\"")?;
    Ok(Promote {
        condition: condition.filled_text()?.to_owned(),
        alias: alias.text()?.parse().map_err(|e| alias.refuse(&e))?,
    })
}

fn features(entry: &Entry<'_>, title: &str, source: &Source) -> Result<Vec<Feature>, Error> {
    let expected = "it must be a list of columns, or of { name, sql } expressions";
    let items = entry.items(expected)?;
    if items.is_empty() {
        return Err(entry.refuse(&"a point needs at least one dimension"));
    }
    let mut features: Vec<Feature> = Vec::with_capacity(items.len());
    for item in &items {
        let feature = match item.value() {
            DeValue::String(_) => {
                let column = item.filled_text()?;
                must_be_kept(item, column, source)?;
                Feature::column(column)
            }
            DeValue::Table(_) => {
                let table = item.table(&format!("features of {title}"), &["name", "sql"])?;
                let name = table
                    .need("name", "what the feature is called")?
                    .filled_text()?
                    .to_owned();
                let sql = table.need(
                    "sql",
                    "an expression over the columns, such as \"abs(\\\"LAT\\\")\"",
                )?;
                Feature {
                    name,
                    sql: sql.filled_text()?.to_owned(),
                }
            }
            _ => return Err(item.refuse(&expected)),
        };
        // A prediction names its numbers by the names of the features. So a name must mean one number.
        if features.iter().any(|other| other.name == feature.name) {
            return Err(item.refuse(&format!(
                "a feature named {:?} stands before it in the list",
                feature.name
            )));
        }
        features.push(feature);
    }
    Ok(features)
}

/// Refuses a column that no batch will have. If the job keeps other columns, a batch may have a column of any name.
fn must_be_kept(entry: &Entry<'_>, column: &str, source: &Source) -> Result<(), Error> {
    if source.other_columns == OtherColumns::Utf8 || source.columns.iter().any(|c| c.name == column)
    {
        return Ok(());
    }
    Err(entry.refuse(&format!(
        "column {column:?} is not in [source.columns], and other_columns = \"drop\" keeps no others: add it there"
    )))
}
