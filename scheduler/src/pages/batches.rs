//! `/batches`: the batches of a store.

use std::sync::Arc;

use gugus_batches::{FedBy, Footer};
use gugus_look::count_signed;
use gugus_pages::ROWS;
use gugus_pages::batches::{Batches, Line, Log, Partition};

use super::chosen_store::chosen_store;
use super::served::Asked;
use super::shown::Shown;
use crate::clock;
use crate::problem::Problem;
use crate::stores::{Head, LogView};

/// Partitions that the page shows.
const PARTITIONS: usize = 100;

pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<Batches, Problem> {
    let Some(shelf) = &shown.shelf else {
        return Ok(Batches::default());
    };
    let (store, known) = chosen_store(shelf, &asked, |pair| pair.batches);
    let Some(store) = store else {
        return Ok(Batches::default());
    };
    let view = shelf.log(&store).await?;
    let mut page = Batches {
        known,
        store: Some(store.clone()),
        ..Batches::default()
    };
    match view.head().await {
        Err(problem) => page.trouble = Some(problem.detail().to_owned()),
        Ok(head) => {
            if let Some(head) = head.as_ref() {
                let models = shelf
                    .pairs()
                    .into_iter()
                    .filter(|pair| pair.batches == store);
                let models = models.map(|pair| pair.models).collect();
                page.log = Some(log(&view, head, models, from(&asked)).await);
            }
        }
    }
    Ok(page)
}

async fn log(view: &Arc<LogView>, head: &Head, models: Vec<String>, from: u64) -> Log {
    let scanned = view.scanned(head).await;
    let (first, newest) = (head.reach.first.get(), head.reach.newest.get());
    let last = newest.saturating_sub(from);
    let numbers = (first..=last)
        .rev()
        .take(usize::try_from(ROWS).unwrap_or(usize::MAX));
    let footers = view.footers(numbers).await;
    let partitions = scanned.partitions.iter().take(PARTITIONS);
    let partitions = partitions.map(|(partition, first, marks)| Partition {
        partition: *partition,
        first: *first,
        next: head.footer.end_of(*partition).unwrap_or(*first),
        marks: marks.clone(),
    });
    Log {
        job: head.footer.job.clone(),
        topic: head.footer.topic.clone(),
        fed_by: fed_by(&head.footer),
        first,
        newest,
        written: head.written.map(clock::rfc3339),
        batches: head.batches(),
        read: scanned.read.min(head.batches()),
        rows: scanned.rows,
        rejected: scanned.rejected,
        timeline: scanned.timeline,
        partitions: partitions.collect(),
        partitions_total: scanned.partitions.len() as u64,
        problems: scanned.problems,
        problems_total: scanned.problems_total,
        gap: head.reach.gap.clone(),
        rejects: view.rejects_of(&scanned.with_rejects).await,
        rejects_of: scanned.with_rejects,
        models,
        from,
        footers: footers
            .into_iter()
            .map(|(number, footer)| line(number, footer))
            .collect(),
    }
}

fn line(number: u64, footer: Result<Arc<Footer>, Problem>) -> Line {
    match footer {
        Ok(footer) => Line {
            batch: number,
            rows: footer.rows,
            rejected: footer.rejected_rows(),
            took: took(&footer),
            commit_id: footer.commit_id.to_string(),
            trouble: None,
        },
        Err(problem) => Line {
            batch: number,
            rows: 0,
            rejected: 0,
            took: String::new(),
            commit_id: String::new(),
            trouble: Some(problem.detail().to_owned()),
        },
    }
}

/// What a batch took, in words.
fn took(footer: &Footer) -> String {
    if !footer.replayed.is_empty() {
        let files = footer.replayed.len() as u64;
        return format!(
            "rejects again, of {}",
            gugus_look::quantity(files, "reject file", "reject files")
        );
    }
    let range = |range: &gugus_spec::OffsetRange| {
        format!(
            "partition {}: {} to {}",
            range.partition,
            count_signed(range.first),
            count_signed(range.next - 1)
        )
    };
    match footer.ranges.as_slice() {
        [] => "nothing".to_owned(),
        [only] => range(only),
        [first, ..] => format!("{} and {} more", range(first), footer.ranges.len() - 1),
    }
}

fn fed_by(footer: &Footer) -> &'static str {
    match footer.feed() {
        FedBy::Imports => "imports",
        FedBy::Topic | FedBy::Nothing => "topic",
    }
}

/// The first row that is asked for.
pub(super) fn from(asked: &Asked) -> u64 {
    asked.choice("from").parse().unwrap_or(0)
}
