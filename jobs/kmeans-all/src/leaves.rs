//! Puts rows that are close to each other next to each other. The splits of a k-d tree cut the rows into leaves.
//!
//! The splits come from a sample of the rows. Each split is at the median of the widest column, so a few far outliers
//! (the LAPD's records at 0, 0) cost only one leaf. Every row is then sent down the splits once. The lengths of leaves
//! differ by about a quarter, which does no harm. All this takes a fraction of the time that sorting would take.

use crate::kernel::padded;

/// The order of points in memory. It decides how long a pass takes, and never changes the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PointOrder {
    /// In leaves if that saves time: with many rows of few columns.
    #[default]
    Auto,
    /// In the order in which they came, without a tree. Every pass compares every row with every center.
    AsGiven,
    /// In leaves of about so many rows that lie close to each other, even if that does not save time.
    Leaves(usize),
}

/// With more columns than this, boxes rule out almost no center, and rows stay as they came.
const COLUMNS_AT_MOST: usize = 8;

/// With fewer rows than this, a tree saves nothing.
const ROWS_AT_LEAST: usize = 1024;

/// Rows of a leaf. With fewer, a pass spends its time on nodes. With more, it spends its time on rows whose nearest
/// center was clear already.
const ROWS_OF_A_LEAF: usize = 192;

/// Rows of the sample for each leaf. With so many, the lengths of leaves differ from their mean by about a quarter.
const SAMPLES_OF_A_LEAF: usize = 16;

/// The deepest tree. Its leaves have numbers of 16 bits.
const DEEPEST: u32 = 16;

/// How many rows go down the splits side by side.
const ABREAST: usize = 64;

/// The split of a node. Rows whose value in `column` is at least `at` go to the right.
#[derive(Clone, Copy, Debug)]
struct Split {
    at: f64,
    column: u32,
}

/// Which leaf each row belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Leaves {
    /// Splits from the root to a leaf; there are 2^depth leaves.
    pub(crate) depth: u32,
    /// The first row of each leaf, and at the end the number of rows.
    pub(crate) starts: Vec<usize>,
    leaf_of: Vec<u16>,
}

/// Whether leaves of rows with so many columns may save time.
pub(crate) fn may_pay(columns: usize) -> bool {
    columns <= COLUMNS_AT_MOST
}

/// The leaves of the rows in `columns`; `None` when the rows stay as they are.
pub(crate) fn leaves(layout: PointOrder, columns: &[Vec<f64>], rows: usize) -> Option<Leaves> {
    let of_a_leaf = match layout {
        PointOrder::AsGiven => return None,
        _ if columns.is_empty() => return None,
        PointOrder::Auto if rows < ROWS_AT_LEAST || !may_pay(columns.len()) => return None,
        PointOrder::Auto => ROWS_OF_A_LEAF,
        PointOrder::Leaves(of_a_leaf) => of_a_leaf.max(1),
    };
    // If a slice has too many rows for the deepest tree, its leaves are larger.
    let depth = (rows / of_a_leaf).checked_ilog2().unwrap_or(0).min(DEEPEST);
    let splits = splits(columns, rows, depth);
    let leaf_of = send_down(&splits, columns, rows, depth);
    let mut starts = vec![0; (1 << depth) + 1];
    for leaf in &leaf_of {
        starts[usize::from(*leaf) + 1] += 1;
    }
    for leaf in 1..starts.len() {
        starts[leaf] += starts[leaf - 1];
    }
    Some(Leaves {
        depth,
        starts,
        leaf_of,
    })
}

impl Leaves {
    /// The same values, leaf after leaf, with room for padding.
    pub(crate) fn arrange<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let mut next = self.starts.clone();
        let mut arranged = Vec::with_capacity(padded(values.len()));
        arranged.resize(values.len(), T::default());
        for (value, leaf) in values.iter().zip(&self.leaf_of) {
            let next = &mut next[usize::from(*leaf)];
            arranged[*next] = *value;
            *next += 1;
        }
        arranged
    }
}

/// The splits of all inner nodes: node `i` has the children `2 i` and `2 i + 1`, and 1 is the root.
fn splits(columns: &[Vec<f64>], rows: usize, depth: u32) -> Vec<Split> {
    let wanted = (SAMPLES_OF_A_LEAF << depth).min(rows);
    let sample: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| (0..wanted).map(|i| column[i * rows / wanted]).collect())
        .collect();
    let mut members: Vec<u32> = (0..wanted as u32).collect();
    // If no row of the sample reached a node, all rows go left there.
    let nowhere = Split {
        at: f64::INFINITY,
        column: 0,
    };
    let mut splits = vec![nowhere; 1 << depth];
    divide(&sample, &mut members, 1, &mut splits);
    splits
}

fn divide(sample: &[Vec<f64>], members: &mut [u32], node: usize, splits: &mut [Split]) {
    if node >= splits.len() || members.len() < 2 {
        return;
    }
    let mut widest = (0.0, 0);
    for (number, column) in sample.iter().enumerate() {
        let (least, largest) = members.iter().fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(least, largest), member| {
                let value = column[*member as usize];
                (value.min(least), value.max(largest))
            },
        );
        if largest - least > widest.0 {
            widest = (largest - least, number);
        }
    }
    let (extent, number) = widest;
    // All values are equal, so there is nothing to split.
    if extent == 0.0 {
        return;
    }
    let column = &sample[number];
    let middle = members.len() / 2;
    members.select_nth_unstable_by(middle, |a, b| {
        column[*a as usize].total_cmp(&column[*b as usize])
    });
    let median = column[members[middle] as usize];
    let least = members
        .iter()
        .map(|member| column[*member as usize])
        .fold(median, f64::min);
    // If more than half of the values are equal to the least value, the split is at the next value. So neither part is
    // empty.
    let at = if median > least {
        median
    } else {
        members
            .iter()
            .map(|member| column[*member as usize])
            .filter(|value| *value > least)
            .fold(f64::INFINITY, f64::min)
    };
    splits[node] = Split {
        at,
        column: number as u32,
    };
    let left = partition(members, |member| column[member as usize] < at);
    let (left, right) = members.split_at_mut(left);
    divide(sample, left, 2 * node, splits);
    divide(sample, right, 2 * node + 1, splits);
}

/// Moves the members for which `belongs` is true to the front, and gives their number.
fn partition(members: &mut [u32], belongs: impl Fn(u32) -> bool) -> usize {
    let mut front = 0;
    for i in 0..members.len() {
        if belongs(members[i]) {
            members.swap(front, i);
            front += 1;
        }
    }
    front
}

fn send_down(splits: &[Split], columns: &[Vec<f64>], rows: usize, depth: u32) -> Vec<u16> {
    let mut leaf_of = Vec::with_capacity(rows);
    // Rows are copied side by side, because the next column of a row is known only at its node.
    let mut values = vec![[0.0; ABREAST]; columns.len()];
    for start in (0..rows).step_by(ABREAST) {
        let len = ABREAST.min(rows - start);
        for (values, column) in values.iter_mut().zip(columns) {
            values[..len].copy_from_slice(&column[start..start + len]);
        }
        let mut nodes = [1_usize; ABREAST];
        for _ in 0..depth {
            for (i, node) in nodes.iter_mut().enumerate() {
                let split = splits[*node];
                *node = 2 * *node + usize::from(values[split.column as usize][i] >= split.at);
            }
        }
        // The nodes from 2^depth on are the leaves.
        leaf_of.extend(nodes[..len].iter().map(|node| (node - (1 << depth)) as u16));
    }
    leaf_of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(leaves: &Leaves) -> Vec<usize> {
        leaves
            .starts
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    }

    #[test]
    fn leaves_hold_rows_that_lie_together() {
        let x: Vec<f64> = (0..4096).map(|i| f64::from(i * 1237 % 4096)).collect();
        let columns = [x.clone(), vec![0.0; 4096]];
        let leaves = leaves(PointOrder::Leaves(256), &columns, 4096).unwrap();
        assert_eq!(leaves.starts.len(), 17);
        let arranged = leaves.arrange(&x);
        for pair in leaves.starts.windows(2) {
            let leaf = &arranged[pair[0]..pair[1]];
            let [least, largest] = crate::bounds::extremes(leaf);
            assert_eq!(largest - least + 1.0, leaf.len() as f64, "no gaps");
        }
        assert!(sizes(&leaves).iter().all(|size| (100..500).contains(size)));
    }

    #[test]
    fn many_equal_rows_and_an_outlier_still_split() {
        let x: Vec<f64> = (0..4000)
            .map(|i| if i % 10 == 0 { f64::from(i) } else { 34.0 })
            .collect();
        let y: Vec<f64> = (0..4000)
            .map(|i| if i == 7 { 1e9 } else { f64::from(i % 3) })
            .collect();
        let leaves = leaves(PointOrder::Leaves(250), &[x, y], 4000).unwrap();
        // 34 with 0, 1 or 2 makes three leaves of 1200 rows that nothing can split, and the rest has its own.
        assert!(
            *sizes(&leaves).iter().max().unwrap() <= 1300,
            "{:?}",
            sizes(&leaves)
        );
    }

    #[test]
    fn equal_rows_make_one_leaf() {
        let leaves = leaves(PointOrder::Leaves(10), &[vec![1.0; 1000]], 1000).unwrap();
        assert_eq!(*sizes(&leaves).iter().max().unwrap(), 1000);
    }

    #[test]
    fn few_rows_and_many_columns_stay_as_they_are() {
        assert!(leaves(PointOrder::Auto, &[vec![1.0; 100]], 100).is_none());
        assert!(leaves(PointOrder::Auto, &vec![vec![1.0; 5000]; 9], 5000).is_none());
        assert!(leaves(PointOrder::AsGiven, &[vec![1.0; 5000]], 5000).is_none());
        assert!(
            leaves(PointOrder::Leaves(1), &[vec![]], 0).is_some(),
            "also without rows"
        );
        assert!(
            leaves(PointOrder::Leaves(1), &[], 9).is_none(),
            "no columns"
        );
    }
}
