//! Logs with any history. Verifying counts exactly the steps that were done.

use std::{collections::BTreeSet, num::NonZeroU64, ops::ControlFlow};

use gugus_batches::{BatchLog, Draft, Footer, JumpReason, Keep, Prune};
use gugus_files::Store;
use proptest::prelude::*;

use crate::jumps::draft_jump;
use crate::kit::{self, draft, draft_with_reject, found};
use crate::replay::draft_replay;

const PARTITIONS: i32 = 3;

/// The next step of a log. A number that is too large is taken modulo the possible numbers.
#[derive(Clone, Debug)]
enum Step {
    Append {
        partition: i32,
        count: i64,
        reject: bool,
    },
    Jump {
        partition: i32,
        by: i64,
        reason: JumpReason,
    },
    Replay {
        file: usize,
        rows: usize,
    },
    Prune {
        keep: u64,
        stop_at: u64,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0..PARTITIONS, 1..6_i64, any::<bool>())
            .prop_map(|(partition, count, reject)| Step::Append { partition, count, reject }),
        1 => (0..PARTITIONS, 1..6_i64)
            .prop_map(|(partition, by)| Step::Jump { partition, by, reason: JumpReason::Deleted }),
        1 => (0..PARTITIONS, -9..6_i64)
            .prop_map(|(partition, by)| Step::Jump { partition, by, reason: JumpReason::Recreated }),
        2 => (any::<usize>(), 1..4_usize).prop_map(|(file, rows)| Step::Replay { file, rows }),
        1 => (1..6_u64, 1..6_u64).prop_map(|(keep, stop_at)| Step::Prune { keep, stop_at }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..30)
}

/// A batch as it should be.
#[derive(Default)]
struct Batch {
    rows: u64,
    rejects: u64,
    jumps: usize,
    /// The batch whose rejects its rows were.
    replays: Option<u64>,
}

struct World {
    log: BatchLog,
    /// From number 1 on; pruned ones stay here.
    batches: Vec<Batch>,
    pruned: u64,
}

impl World {
    async fn append<'a>(&mut self, draft: impl Into<Draft<'a>>, batch: Batch) -> Footer {
        let footer = kit::commit(&mut self.log, draft).await;
        self.batches.push(batch);
        assert_eq!(footer.number.get(), self.batches.len() as u64);
        footer
    }

    async fn step(&mut self, store: &Store, step: &Step) {
        match *step {
            Step::Append {
                partition,
                count,
                reject,
            } => {
                let first = self.log.end_of(partition).unwrap_or(0);
                let next = first + count;
                let draft = if reject {
                    draft_with_reject(partition, first, next, first)
                } else {
                    draft(partition, first, next)
                };
                let batch = Batch {
                    rows: draft.rows.num_rows() as u64,
                    rejects: u64::from(reject),
                    ..Batch::default()
                };
                self.append(&draft, batch).await;
            }
            Step::Jump {
                partition,
                by,
                reason,
            } => {
                let Some(end) = self.log.end_of(partition) else {
                    return;
                };
                let to = (end + by).max(0);
                let batch = Batch {
                    rows: 2,
                    jumps: 1,
                    ..Batch::default()
                };
                self.append(&draft_jump(partition, end, to, to + 2, reason), batch)
                    .await;
            }
            Step::Replay { file, rows } => {
                let rejects = self.log.rejects().await.unwrap();
                let Some(rejects) = rejects.get(file % rejects.len().max(1)) else {
                    return;
                };
                let records = self.log.rejected_records(rejects).await.unwrap();
                let places: BTreeSet<_> = records.iter().map(|r| (r.partition, r.offset)).collect();
                let left: Vec<_> = places
                    .difference(&rejects.replayed)
                    .copied()
                    .take(rows)
                    .collect();
                assert_eq!(left.len() as u64, rejects.left().min(rows as u64));
                if left.is_empty() {
                    return;
                }
                let batch = Batch {
                    rows: left.len() as u64,
                    replays: Some(rejects.batch.get()),
                    ..Batch::default()
                };
                self.append(&draft_replay(&[(rejects, &left)]), batch).await;
            }
            Step::Prune { keep, stop_at } => {
                let stop = |done| {
                    if done == stop_at {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                };
                let keep = Keep::Newest(NonZeroU64::new(keep).unwrap());
                self.pruned += self
                    .log
                    .prune(keep, Prune::Delete, stop)
                    .await
                    .unwrap()
                    .batches;
            }
            Step::Reopen => self.log = kit::open(store).await,
        }
    }

    fn left(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter().skip(self.pruned as usize)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn verifying_counts_what_was_done(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::in_memory();
            let mut world = World {
                log: kit::open(&store).await,
                batches: Vec::new(),
                pruned: 0,
            };
            for step in &steps {
                world.step(&store, step).await;
            }
            let found = found(&store).await;
            assert_eq!(found.problems, Vec::<String>::new());
            assert_eq!(found.batches, world.left().count() as u64);
            assert_eq!(found.records, world.left().map(|batch| batch.rows).sum::<u64>());
            assert_eq!(found.jumps.len(), world.left().map(|batch| batch.jumps).sum::<usize>());
            let replays = || world.left().filter_map(|batch| Some((batch.replays?, batch.rows)));
            assert_eq!(found.replayed, replays().map(|(_, rows)| rows).sum::<u64>());
            let gone = replays().filter(|(of, _)| *of > world.pruned).map(|(_, rows)| rows).sum::<u64>();
            assert_eq!(found.rejected + gone, world.left().map(|batch| batch.rejects).sum::<u64>());
            assert_eq!(found.unreferenced_rejects, 0);
        });
    }
}
