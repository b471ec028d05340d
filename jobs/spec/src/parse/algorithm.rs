//! `algorithm` and its parameters.

use gugus_clusters::{Algorithm, Facts, Parameter, Takes};
use serde_json::Value;

use super::table::{Entry, Table};
use crate::Error;

/// The algorithm that the key `algorithm` names.
pub(super) fn named(entry: &Entry<'_>) -> Result<&'static Facts, Error> {
    let all: Vec<_> = Algorithm::ALL
        .iter()
        .map(|facts| (facts.name, *facts))
        .collect();
    entry.choice(&all)
}

/// The keys of a model with this algorithm: ours, then its parameters.
pub(super) fn keys(facts: &Facts) -> Vec<&'static str> {
    let mut keys = vec!["name", "algorithm", "scope", "window", "where", "features"];
    if facts.any_scope {
        keys.extend(["retrain", "warm_start"]);
    }
    keys.extend(facts.weighted.then_some("weight_col"));
    keys.extend(["handle_invalid", "promote"]);
    keys.extend(facts.parameters.iter().map(|parameter| parameter.key));
    keys
}

/// The algorithm, with the parameters in the table of its model.
pub(super) fn algorithm(
    facts: &Facts,
    model: &Entry<'_>,
    table: &Table<'_>,
) -> Result<Algorithm, Error> {
    let mut params = serde_json::Map::new();
    for parameter in facts.parameters {
        let entry = match parameter.needed {
            Some(meaning) => Some(table.need(parameter.key, meaning)?),
            None => table.get(parameter.key),
        };
        if let Some(entry) = entry {
            params.insert(parameter.key.to_owned(), value(parameter, &entry)?);
        }
    }
    // Every value was checked. So this fails only if an algorithm refuses a value that its own list of parameters
    // allows.
    Algorithm::from_json(facts.name, params.into())
        .map_err(|error: serde_json::Error| model.refuse(&error))
}

fn value(parameter: &Parameter, entry: &Entry<'_>) -> Result<Value, Error> {
    match parameter.takes {
        Takes::Whole(least, most) => match entry.integer(least, most)? {
            number if number > parameter.sensible => Err(entry.refuse(&format!(
                "it must be at most {}, because the work grows with it",
                parameter.sensible
            ))),
            number => Ok(Value::from(number)),
        },
        Takes::NotNegative => entry.number(0.0, f64::MAX).map(Value::from),
        Takes::AboveZero => match entry.number(0.0, f64::MAX) {
            Ok(number) if number > 0.0 => Ok(Value::from(number)),
            _ => Err(entry.refuse(&"it must be a finite number above 0")),
        },
        Takes::OneOf(texts) => {
            let choices: Vec<_> = texts.iter().map(|text| (*text, *text)).collect();
            entry.choice(&choices).map(Value::from)
        }
    }
}
