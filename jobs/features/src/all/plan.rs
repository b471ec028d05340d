//! The physical plan of one pass.
//!
//! Invariant: a file, or a piece of a large file, lies in one group. The groups decide only which executor computes which
//! files. The result does not depend on them, because partials merge in any order to the same bits.

use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::physical_plan::ExecutionPlan;
use gugus_kmeans::DistanceMeasure;

use super::encoded_rows::CARRIED;
use super::node::AllPassExec;
use super::pass::{Pass, PointSettings};
use crate::error::WaveError;
use crate::plan::FeaturePlan;
use crate::rows::{WaveFile, scan};

/// Smaller pieces are not worth a task of their own: reading 8 MiB of Parquet takes some 20 ms.
const PIECE_BYTES: u64 = 8 * 1024 * 1024;

/// One batch of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllFile {
    /// Its number, path and length.
    pub file: WaveFile,
    /// A number made of the commit id. Another batch of the same name has another number.
    pub commit: u64,
    /// How many points it gives at most; `None` if a condition leaves out rows, so that nobody knows.
    pub points: Option<u64>,
}

impl FeaturePlan {
    /// How rows of this plan become points.
    #[must_use]
    pub fn point_settings(&self, measure: DistanceMeasure) -> PointSettings {
        let numbers = self.features.iter().chain(&self.weight);
        let numbers: Vec<String> = numbers.map(|n| n.expression.to_string()).collect();
        let types: Vec<String> = self
            .schema()
            .fields()
            .iter()
            .map(|f| f.data_type().to_string())
            .collect();
        let condition = self.condition.as_ref().map(ToString::to_string);
        PointSettings {
            dimensions: self.width(),
            weighting: self.weighting(),
            measure,
            expressions: format!("{numbers:?} where {condition:?} over {types:?}"),
        }
    }
}

/// Scan of `files` → [`AllPassExec`], cut into `groups` tasks at most. The scan reads no columns: it stands for the files,
/// so that Ballista can cut the plan into tasks.
///
/// # Errors
/// [`WaveError::Plan`] when DataFusion refuses the plan.
pub fn pass_plan(
    pass: Pass,
    store: &str,
    files: &[AllFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let files = scan(store, cut(files, groups.max(1)), Vec::new(), &CARRIED)?;
    Ok(Arc::new(AllPassExec::new(files, Arc::new(pass))))
}

/// Groups of about the same length in bytes, in the order of the batches. A file that would fill more than one group is
/// cut into ranges of bytes. A range holds the row groups whose middle lies in it.
fn cut(files: &[AllFile], groups: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(|f| f.file.size).sum();
    let share = total.div_ceil(groups as u64).max(1);
    let piece = share.max(PIECE_BYTES);
    let mut cut: Vec<Vec<PartitionedFile>> = vec![Vec::new()];
    let mut filled = 0_u64;
    for AllFile {
        file,
        commit,
        points,
    } in files
    {
        let pieces = file.size.div_ceil(piece).max(1);
        for index in 0..pieces {
            let (start, end) = (index * file.size / pieces, (index + 1) * file.size / pieces);
            let points = points.filter(|_| pieces == 1).unwrap_or(0);
            let mut part = file.partitioned(&[file.batch, *commit, points]);
            if pieces > 1 {
                part = part.with_range(start as i64, end as i64);
            }
            // A group is full when the middle of the next piece lies beyond its share of all bytes.
            let middle = filled + (end - start) / 2;
            let due = middle >= share * cut.len() as u64 && cut.len() < groups;
            match cut.last_mut() {
                Some(group) if group.is_empty() || !due => group.push(part),
                _ => cut.push(vec![part]),
            }
            filled += end - start;
        }
    }
    cut.into_iter().map(FileGroup::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(sizes: &[u64]) -> Vec<AllFile> {
        let number = |(index, size): (usize, &u64)| AllFile {
            file: WaveFile {
                batch: index as u64 + 1,
                path: format!("batch_{index}.parquet"),
                size: *size,
            },
            commit: 7,
            points: Some(10),
        };
        sizes.iter().enumerate().map(number).collect()
    }

    fn bytes(groups: &[FileGroup]) -> Vec<u64> {
        let length = |file: &PartitionedFile| match &file.range {
            None => file.object_meta.size,
            Some(range) => (range.end - range.start) as u64,
        };
        groups
            .iter()
            .map(|g| g.files().iter().map(length).sum())
            .collect()
    }

    #[test]
    fn groups_are_about_equally_long() {
        assert_eq!(bytes(&cut(&files(&[10; 10]), 2)), [50, 50]);
        assert_eq!(bytes(&cut(&files(&[10; 3]), 2)), [10, 20]);
        assert_eq!(bytes(&cut(&files(&[10; 3]), 7)), [10, 10, 10]);
        assert_eq!(bytes(&cut(&files(&[]), 2)), [0]);
    }

    #[test]
    fn a_large_file_is_cut_without_a_gap() {
        let size = 10 * PIECE_BYTES + 3;
        let groups = cut(&files(&[size]), 4);
        assert_eq!(groups.len(), 4);
        let mut ends = vec![0];
        for file in groups.iter().flat_map(FileGroup::files) {
            let range = file.range.as_ref().unwrap();
            assert_eq!(Some(&range.start), ends.last());
            ends.push(range.end);
        }
        assert_eq!(ends.last(), Some(&(size as i64)));
    }
}
