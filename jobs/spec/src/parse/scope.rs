//! `scope` and `window`: over which rows a model is fitted.

use std::num::NonZeroU64;

use gugus_clusters::Facts;

use super::table::{Entry, Table};
use crate::job::Source;
use crate::{Algorithm, ColumnType, Error, Period, Scope, Window};

/// The column of a record's own timestamp, which every batch has.
const TIMESTAMP: &str = "_timestamp";

/// What `scope` may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Batch,
    All,
    Window,
}

/// The scope of a model, whose table has this title.
pub(super) fn scope(
    model: &Table<'_>,
    title: &str,
    algorithm: &Facts,
    source: &Source,
) -> Result<Scope, Error> {
    let scope = model.get("scope");
    let kind = match &scope {
        Some(entry) => {
            let kind = entry.choice(&[
                ("batch", Kind::Batch),
                ("all", Kind::All),
                ("window", Kind::Window),
            ])?;
            if kind != Kind::Batch && !algorithm.any_scope {
                let others = Algorithm::ALL.iter().filter(|facts| facts.any_scope);
                let others: Vec<_> = others.map(|facts| facts.name).collect();
                return Err(entry.refuse(&format!(
                    "only algorithm = \"{}\" is fitted over more than a batch: leave it out, or take that algorithm",
                    others.join("\" or \"")
                )));
            }
            kind
        }
        None => Kind::Batch,
    };
    if kind == Kind::Window {
        let entry = model.need(
            "window",
            "such as { last = 100 }, { by = \"month\", column = \"DATE OCC\" } or { sql = \"…\" }",
        )?;
        return Ok(Scope::Window(window(&entry, title, source)?));
    }
    if let Some(entry) = model.get("window") {
        return Err(entry.refuse(
            &"it says how scope = \"window\" cuts the rows: add scope = \"window\", or leave it out",
        ));
    }
    Ok(match kind {
        Kind::All => Scope::All,
        Kind::Batch | Kind::Window => Scope::Batch,
    })
}

fn window(entry: &Entry<'_>, title: &str, source: &Source) -> Result<Window, Error> {
    let table = entry.table(
        &format!("window of {title}"),
        &["last", "by", "column", "sql"],
    )?;
    let one = "it must be one of { last = 100 }, { by = \"month\", column = \"DATE OCC\" } and { sql = \"…\" }";
    match (table.get("last"), table.get("by"), table.get("sql")) {
        (Some(last), None, None) => {
            no_column(&table)?;
            let batches = u64::try_from(last.integer(1, i64::MAX)?).ok();
            let last = batches.and_then(NonZeroU64::new).unwrap_or(NonZeroU64::MIN);
            Ok(Window::Last { last })
        }
        (None, Some(by), None) => {
            let by = by.choice(&Period::ALL.map(|period| (period.name(), period)))?;
            let column = table.need("column", "the timestamp that decides")?;
            let name = column.filled_text()?;
            must_be_a_timestamp(&column, name, source)?;
            Ok(Window::By {
                by,
                column: name.to_owned(),
            })
        }
        (None, None, Some(sql)) => {
            no_column(&table)?;
            Ok(Window::Sql {
                sql: sql.filled_text()?.to_owned(),
            })
        }
        _ => Err(entry.refuse(&one)),
    }
}

fn no_column(window: &Table<'_>) -> Result<(), Error> {
    match window.get("column") {
        Some(entry) => {
            Err(entry.refuse(&"only a window by year, month, week, day or hour has one"))
        }
        None => Ok(()),
    }
}

/// Refuses a column that has no instants.
fn must_be_a_timestamp(entry: &Entry<'_>, name: &str, source: &Source) -> Result<(), Error> {
    if name == TIMESTAMP {
        return Ok(());
    }
    let column = source.columns.iter().find(|c| c.name == name);
    match column.map(|c| &c.data_type) {
        Some(ColumnType::Timestamp { .. }) => Ok(()),
        Some(other) => Err(entry.refuse(&format!(
            "it must be a column of type timestamp, and this is {other}"
        ))),
        None => Err(entry.refuse(&format!(
            "column {name:?} is not in [source.columns]: add it there with type = \"timestamp\""
        ))),
    }
}
