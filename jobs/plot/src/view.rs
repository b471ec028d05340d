//! The part of the plane that the map shows, and the place of a point on the map.

use crate::axes::{is_latitude, is_longitude};
use crate::frame::Frame;

/// How many times wider than its middle, which holds all but a hundredth of the values on either side, a range must be before
/// the map leaves out what is beyond: one row at latitude 0 would make a dot of a city.
const FAR: f64 = 8.0;

/// The margin on either side, as a part of the range.
const MARGIN: f64 = 0.04;

/// About how many ticks an axis has.
const TICKS: f64 = 6.0;

/// The part of the plane that the map shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

/// One side of the map: which values lie where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    least: f64,
    largest: f64,
    /// The pixels of the two.
    from: f64,
    to: f64,
}

impl View {
    /// What shows the values of two features. Degrees of longitude and latitude are as long as they are on the ground there.
    pub(crate) fn of(x: (&str, &[f64]), y: (&str, &[f64]), frame: Frame) -> Self {
        let (mut x_range, mut y_range) = (range(x.1), range(y.1));
        // How long a unit of x is, in units of y.
        let unit = if is_longitude(x.0) && is_latitude(y.0) {
            Some(shrinking(y_range))
        } else if is_latitude(x.0) && is_longitude(y.0) {
            Some(1.0 / shrinking(x_range))
        } else {
            None
        };
        if let Some(unit) = unit {
            let (width, height) = (
                x_range.width() * unit / frame.width,
                y_range.width() / frame.height,
            );
            if width < height {
                x_range.widen(height / width);
            } else {
                y_range.widen(width / height);
            }
        }
        Self {
            x: x_range.axis(frame.left, frame.right()),
            // Down is more in pixels and less in values.
            y: y_range.axis(frame.bottom(), frame.top),
        }
    }

    pub(crate) fn place(&self, x: f64, y: f64) -> [f64; 2] {
        [self.x.place(x), self.y.place(y)]
    }

    pub(crate) fn shows(&self, x: f64, y: f64) -> bool {
        self.x.shows(x) && self.y.shows(y)
    }
}

impl Axis {
    pub(crate) fn place(&self, value: f64) -> f64 {
        let part = (value - self.least) / (self.largest - self.least);
        self.from + part * (self.to - self.from)
    }

    fn shows(&self, value: f64) -> bool {
        (self.least..=self.largest).contains(&value)
    }

    /// Round values along the axis, with their text.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let rough = (self.largest - self.least) / TICKS;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
        let step = steps
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let (first, last) = ((self.least / step).ceil(), (self.largest / step).floor());
        // A step that vanishes beside the values has no round ones.
        if !(step > 0.0 && (last - first).is_finite() && last - first < 50.0) {
            return Vec::new();
        }
        let count = (last - first).max(-1.0) as i64;
        let large = self.least.abs().max(self.largest.abs()) >= 1e7;
        (0..=count)
            .map(|i| {
                let value = (first + i as f64) * step;
                // A negative zero is a zero.
                let value = if value == 0.0 { 0.0 } else { value };
                let text = if large || step < 1e-9 {
                    format!("{value:e}")
                } else {
                    format!("{value:.decimals$}")
                };
                (value, text)
            })
            .collect()
    }
}

/// How long a degree of longitude is, in degrees of latitude.
fn shrinking(latitudes: Range) -> f64 {
    let middle = (latitudes.least + latitudes.largest) / 2.0;
    // At the poles there is no width at all, and somewhere there is no latitude at all.
    middle.to_radians().cos().abs().max(0.05)
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    least: f64,
    largest: f64,
}

impl Range {
    fn width(self) -> f64 {
        self.largest - self.least
    }

    /// Makes it wider on both sides.
    fn widen(&mut self, factor: f64) {
        let more = self.width() * (factor - 1.0) / 2.0;
        self.least -= more;
        self.largest += more;
    }

    fn axis(self, from: f64, to: f64) -> Axis {
        Axis {
            least: self.least,
            largest: self.largest,
            from,
            to,
        }
    }
}

/// The range of most values with some margin. Values far beyond the others are left out.
fn range(values: &[f64]) -> Range {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(least), Some(largest)) = (sorted.first(), sorted.last()) else {
        return Range {
            least: 0.0,
            largest: 1.0,
        };
    };
    let aside = sorted.len().div_ceil(100).min((sorted.len() - 1) / 2);
    let middle = Range {
        least: sorted[aside],
        largest: sorted[sorted.len() - 1 - aside],
    };
    let all = Range {
        least: *least,
        largest: *largest,
    };
    let mut range = if middle.width() > 0.0 && all.width() > FAR * middle.width() {
        // A value only a little outside of the middle is no outlier.
        let near = |value: &&f64| {
            (middle.least - middle.width()..=middle.largest + middle.width()).contains(*value)
        };
        Range {
            least: sorted.iter().find(near).copied().unwrap_or(middle.least),
            largest: sorted.iter().rfind(near).copied().unwrap_or(middle.largest),
        }
    } else {
        all
    };
    if range.width() > 0.0 {
        range.widen(1.0 + 2.0 * MARGIN);
    } else {
        // One value only: something around it, so that there is an axis.
        let around = (range.least.abs() * 0.01).max(0.5);
        range.least -= around;
        range.largest += around;
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        left: 0.0,
        top: 0.0,
        width: 100.0,
        height: 100.0,
    };

    #[test]
    fn ticks_are_round_and_few() {
        let ticks = |least, largest| -> Vec<String> {
            let axis = Range { least, largest }.axis(0.0, 1.0);
            axis.ticks().into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(ticks(33.71, 34.32), ["33.8", "34.0", "34.2"]);
        assert_eq!(ticks(-1.0, 1.0), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(ticks(0.0, 7e8), ["0e0", "2e8", "4e8", "6e8"]);
        assert_eq!(ticks(-12.0, 31.0), ["-10", "0", "10", "20", "30"]);
        // Nothing round lies between two neighbouring numbers.
        assert!(ticks(1e16, 1e16 + 2.0).len() < 50);
    }

    #[test]
    fn degrees_are_as_long_as_on_the_ground() {
        let (lon, lat) = ([-118.6, -118.2], [59.9, 60.1]);
        let view = View::of(("LON", &lon), ("latitude", &lat), FRAME);
        let [left, bottom] = view.place(-118.4, 59.9);
        let [right, top] = view.place(-118.2, 60.0);
        // At 60 degrees north, a degree to the east is half as far as one to the north.
        assert!(((right - left) / (bottom - top) - 1.0).abs() < 0.01);
        let plain = View::of(("a", &lon), ("b", &lat), FRAME);
        assert!(plain.place(-118.2, 59.9)[0] > 95.0);
    }

    #[test]
    fn a_few_rows_far_out_do_not_make_a_dot_of_the_others() {
        let mut values: Vec<f64> = (0..1_000).map(|i| 34.0 + f64::from(i) * 1e-4).collect();
        values.extend([0.0, 34.12]);
        let near = range(&values);
        assert!(
            near.least > 33.9 && near.largest > 34.12 && near.largest < 34.2,
            "{near:?}"
        );
        // Few rows are all looked at, and so is a spread that is merely uneven.
        assert!(range(&[0.0, 1.0, 2.0]).least < 0.0);
        assert_eq!(
            range(&[3.0, 3.0]),
            Range {
                least: 2.5,
                largest: 3.5
            }
        );
        assert_eq!(
            range(&[]),
            Range {
                least: 0.0,
                largest: 1.0
            }
        );
    }
}
