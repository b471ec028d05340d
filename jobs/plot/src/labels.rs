//! Numbers beside centers. No number overlaps another.

use crate::frame::Frame;

/// The number of a center: where it stands, and how large its box is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) cluster: usize,
    pub(crate) center: [f64; 2],
    pub(crate) middle: [f64; 2],
    pub(crate) size: [f64; 2],
}

/// How far from its center a number is looked for a place, in this order.
const RINGS: [f64; 7] = [24.0, 32.0, 46.0, 64.0, 86.0, 112.0, 142.0];

/// The directions in which it is looked for, the upper right first, as printed maps have it.
const DIRECTIONS: [[f64; 2]; 8] = [
    [0.71, -0.71],
    [-0.71, -0.71],
    [0.71, 0.71],
    [-0.71, 0.71],
    [1.0, 0.0],
    [-1.0, 0.0],
    [0.0, -1.0],
    [0.0, 1.0],
];

/// Numbers farther from their centers than this are joined to them by a line.
const APART: f64 = 36.0;

/// Half of a center's cross, which no number may cover.
const CROSS: f64 = 9.0;

/// Finds a place for each number, near its center, within the frame, clear of all crosses and of the numbers before it. Where
/// there is none, a number stands at its first place over what is there.
pub(crate) fn place(centers: &[(usize, [f64; 2])], frame: Frame) -> Vec<Label> {
    let mut placed: Vec<Label> = Vec::with_capacity(centers.len());
    for (cluster, center) in centers {
        let size = [10.0 + 9.0 * cluster.to_string().len() as f64, 20.0];
        let at = |ring: f64, direction: [f64; 2]| Label {
            cluster: *cluster,
            center: *center,
            middle: [
                center[0] + ring * direction[0],
                center[1] + ring * direction[1],
            ],
            size,
        };
        let mut all = RINGS
            .iter()
            .flat_map(|ring| DIRECTIONS.iter().map(|direction| at(*ring, *direction)));
        let is_free = |label: &Label| {
            label.is_within(frame)
                && placed
                    .iter()
                    .all(|other| !label.covers(other.middle, other.size))
                && centers
                    .iter()
                    .all(|(_, cross)| !label.covers(*cross, [2.0 * CROSS; 2]))
        };
        let found = all.find(is_free);
        placed.push(found.unwrap_or_else(|| at(RINGS[0], DIRECTIONS[0])));
    }
    placed
}

/// Whether a number stands so far from its center that a line should join them.
pub(crate) fn is_apart(center: [f64; 2], middle: [f64; 2]) -> bool {
    (center[0] - middle[0]).hypot(center[1] - middle[1]) > APART
}

impl Label {
    fn covers(&self, middle: [f64; 2], size: [f64; 2]) -> bool {
        (0..2).all(|i| (self.middle[i] - middle[i]).abs() < (self.size[i] + size[i]) / 2.0 + 1.0)
    }

    fn is_within(&self, frame: Frame) -> bool {
        let [x, y] = [0, 1].map(|i| self.size[i] / 2.0 + 1.0);
        (frame.left + x..frame.right() - x).contains(&self.middle[0])
            && (frame.top + y..frame.bottom() - y).contains(&self.middle[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        left: 0.0,
        top: 0.0,
        width: 400.0,
        height: 400.0,
    };

    #[test]
    fn numbers_stand_clear_of_each_other_and_of_centers() {
        // A heap of centers, one in a corner, and two in one place.
        let mut centers: Vec<(usize, [f64; 2])> = (0..9)
            .map(|i| {
                (
                    i,
                    [200.0 + 12.0 * (i % 3) as f64, 200.0 + 12.0 * (i / 3) as f64],
                )
            })
            .collect();
        centers.extend([(9, [399.0, 1.0]), (10, [60.0, 60.0]), (11, [60.0, 60.0])]);
        let labels = place(&centers, FRAME);
        assert_eq!(labels.len(), centers.len());
        for (i, label) in labels.iter().enumerate() {
            assert!(label.is_within(FRAME), "{label:?}");
            for other in &labels[..i] {
                assert!(
                    !label.covers(other.middle, other.size),
                    "{label:?} {other:?}"
                );
            }
            for (_, center) in &centers {
                assert!(!label.covers(*center, [CROSS; 2]), "{label:?}");
            }
        }
    }
}
