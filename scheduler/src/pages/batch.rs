//! `/batches/{n}`: one batch.

use gugus_batches::Footer;
use gugus_look::{count, count_signed};
use gugus_models::Extent;
use gugus_pages::batch::{Batch, Field, Made, Range};
use gugus_spec::BatchNumber;
use http::StatusCode;

use super::chosen_store::chosen_store;
use super::served::Asked;
use super::shown::Shown;
use crate::clock;
use crate::problem::Problem;
use crate::stores::Shelf;

/// Models of one batch that the page names.
const MODELS: usize = 200;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<Batch, Problem> {
    let (shelf, store) = store(&shown, &asked)?;
    let view = shelf.log(&store).await?;
    let number: BatchNumber = asked.part("n").parse().map_err(|_| {
        let why = format!(
            "\"{}\" is not the number of a batch; batches are numbered 1, 2, 3, …",
            asked.part("n")
        );
        Problem::new(StatusCode::NOT_FOUND, why)
    })?;
    let head = view.head().await?;
    let footer = view.footer(number).await?;
    let reach = head.as_ref().as_ref().map(|head| &head.reach);
    let first = reach.map_or(number, |reach| reach.first);
    let before = match number.get().checked_sub(1).and_then(BatchNumber::new) {
        Some(before) if before >= first => view.footer(before).await.ok(),
        _ => None,
    };
    let about = view.about(number).await?;
    let rejects = view.rejects(&footer).await;
    let (rejects, rejects_note) = match rejects {
        Ok(Some(reasons)) => (reasons.as_ref().clone(), None),
        Ok(None) => (
            Vec::new(),
            Some(
                "There are too many rejects for a page. `gugus rejected show` prints them."
                    .to_owned(),
            ),
        ),
        Err(problem) => (Vec::new(), Some(problem.detail().to_owned())),
    };
    let size = about.map(|(size, _)| size);
    Ok(Batch {
        first: first.get(),
        newest: reach.map_or(number, |reach| reach.newest).get(),
        size,
        written: about.map(|(_, written)| clock::rfc3339(written)),
        problems: problems(&footer, before.as_deref()),
        head: match view.first_rows(&footer, size.unwrap_or(0)).await {
            Ok(head) => head.as_ref().clone(),
            Err(problem) => gugus_pages::batch::Head {
                note: Some(problem.detail().to_owned()),
                ..gugus_pages::batch::Head::default()
            },
        },
        rejects,
        rejects_note,
        models: models(&shelf, &store, number).await,
        ..of(&footer, store)
    })
}

/// The shelf, and the store that is asked for or was used last.
fn store(shown: &Shown, asked: &Asked) -> Result<(Shelf, String), Problem> {
    let missing = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "name the folder of batches, as in /batches/1?in=/data/batch",
        )
    };
    let shelf = shown.shelf.clone().ok_or_else(missing)?;
    let (store, _) = chosen_store(&shelf, asked, |pair| pair.batches);
    Ok((shelf, store.ok_or_else(missing)?))
}

/// What the footer tells.
fn of(footer: &Footer, store: String) -> Batch {
    Batch {
        store,
        batch: footer.number.get(),
        job: footer.job.clone(),
        topic: footer.topic.clone(),
        rows: footer.rows,
        rejected: footer.rejected_rows(),
        commit_id: footer.commit_id.to_string(),
        previous: footer.previous.as_ref().map(ToString::to_string),
        ranges: footer
            .ranges
            .iter()
            .map(|range| Range {
                partition: range.partition,
                first: range.first,
                next: range.next,
            })
            .collect(),
        imported: footer
            .imported
            .iter()
            .map(|part| {
                let ends = if part.last {
                    "the file ends here"
                } else {
                    "the file goes on in the next batch"
                };
                format!(
                    "Records {} to {} of the imported file with SHA-256 {}; {ends}.",
                    count(part.first),
                    count(part.next.saturating_sub(1)),
                    part.sha256
                )
            })
            .collect(),
        replayed: footer
            .replayed
            .iter()
            .map(|file| {
                format!(
                    "{} of {} again.",
                    gugus_look::quantity(file.rows, "reject", "rejects"),
                    file.file
                )
            })
            .collect(),
        schema: footer
            .schema
            .iter()
            .map(|field| Field {
                name: field.name.clone(),
                r#type: field.data_type.clone(),
            })
            .collect(),
        ..Batch::default()
    }
}

/// Jumps, and ways in which it does not continue the log.
fn problems(footer: &Footer, before: Option<&Footer>) -> Vec<String> {
    let jumps = footer.jumps.iter().map(|jump| {
        format!(
            "A jump in partition {} from offset {} to {}: {}.",
            jump.partition,
            count_signed(jump.from),
            count_signed(jump.to),
            jump.reason
        )
    });
    let breaks = footer
        .discontinuities(before)
        .into_iter()
        .map(|found| found.text);
    jumps.chain(breaks).collect()
}

/// The models made of a batch in all stores that runs used with these batches.
async fn models(shelf: &Shelf, batches: &str, number: BatchNumber) -> Vec<Made> {
    let mut made = Vec::new();
    for pair in shelf
        .pairs()
        .into_iter()
        .filter(|pair| pair.batches == batches)
    {
        let Ok(view) = shelf.models(&pair.models).await else {
            continue;
        };
        let Ok(listing) = view.listing().await else {
            continue;
        };
        let of = |model: &str, of: &str, failure: Option<String>| Made {
            store: pair.models.clone(),
            model: model.to_owned(),
            of: of.to_owned(),
            failure,
        };
        for listed in &listing.models {
            if listed.has(&Extent::Batch(number)) {
                made.push(of(&listed.model, &number.to_string(), None));
            }
            if listed.all {
                made.push(of(&listed.model, "all", None));
            }
        }
        let failed = shelf.failed(&pair.models, &listing).await.into_iter();
        let failed = failed.filter(|failed| failed.extent == Extent::Batch(number));
        made.extend(
            failed.map(|failed| of(&failed.model, &number.to_string(), Some(failed.reason))),
        );
    }
    made.truncate(MODELS);
    made
}
