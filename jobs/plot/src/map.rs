//! The SVG document of a map.

use std::fmt::Write as _;

use crate::axes::Axes;
use crate::frame::Frame;
use crate::labels::{self, Label, place};
use crate::sample::Sample;
use crate::svg::{escaped, number};
use crate::view::{Axis, View};

/// The picture's size, and that of the frame within it.
const SIZE: [f64; 2] = [1100.0, 820.0];
const FRAME: Frame = Frame {
    left: 90.0,
    top: 80.0,
    width: 720.0,
    height: 660.0,
};

/// Colours that people with the common kinds of colour blindness tell apart, on white (Okabe and Ito 2008, with a darker yellow; the
/// last two from Tol's muted ones).
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#6b6b00",
];

/// The shapes of rows. Each time the colours run out, the next shape begins.
const SHAPES: [Shape; 4] = [Shape::Disc, Shape::Square, Shape::Triangle, Shape::Diamond];

/// Clusters that the legend has room for.
const LEGEND: usize = 28;

#[derive(Clone, Copy, Debug)]
enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
}

impl Shape {
    /// A path around the place where it begins, of about the same area for all shapes.
    fn path(self, radius: f64) -> String {
        let n = |factor: f64| number(radius * factor);
        let (r, d) = (n(1.0), n(2.0));
        match self {
            Self::Disc => format!("m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z"),
            Self::Square => format!("m-{a}-{a}h{b}v{b}h-{b}z", a = n(0.9), b = n(1.8)),
            Self::Triangle => {
                format!(
                    "m0-{}l{a} {b}h-{c}z",
                    n(1.3),
                    a = n(1.25),
                    b = n(2.1),
                    c = n(2.5)
                )
            }
            Self::Diamond => format!("m0-{a}l{a} {a}-{a} {a}-{a}-{a}z", a = n(1.25)),
        }
    }
}

impl Sample {
    /// The map of these rows; of the centers alone if no row is given.
    #[must_use]
    pub fn draw(&self, axes: Axes) -> String {
        let of = |axis: usize| -> Vec<f64> {
            let rows = self.drawn.iter().map(|(row, _)| row);
            let centers = self.centers.iter().filter(|_| self.drawn.is_empty());
            rows.chain(centers).map(|row| row[axis]).collect()
        };
        let names = axes.names(&self.features);
        let view = View::of((names.0, &of(axes.x)), (names.1, &of(axes.y)), FRAME);
        let place = |row: &[f64]| view.place(row[axes.x], row[axes.y]);
        let inside = |row: &[f64]| view.shows(row[axes.x], row[axes.y]);

        let mut map = Map::default();
        map.begin(&self.title());
        map.heading(
            self,
            self.drawn.iter().filter(|(row, _)| !inside(row)).count(),
        );
        map.axes(&view, names);
        let shown = self.drawn.iter().filter(|(row, _)| inside(row));
        map.rows(
            self.centers.len(),
            shown.map(|(row, cluster)| (place(row), *cluster)),
        );
        let centers = self.centers.iter().enumerate();
        let centers = centers.filter(|(_, center)| inside(center));
        map.centers(
            &centers
                .map(|(cluster, center)| (cluster, place(center)))
                .collect::<Vec<_>>(),
        );
        let hidden = |cluster: usize| !inside(&self.centers[cluster]);
        map.legend(&self.sizes, &hidden);
        map.end()
    }
}

/// An SVG document in the making.
#[derive(Default)]
struct Map(String);

impl Map {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn text(&mut self, class: &str, [x, y]: [f64; 2], more: &str, text: &str) {
        let (x, y) = (number(x), number(y));
        let text = escaped(text);
        self.line(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{more}>{text}</text>"
        ));
    }

    fn begin(&mut self, title: &str) {
        let [width, height] = SIZE.map(number);
        self.line(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">"
        ));
        self.line(&format!("<title>{}</title>", escaped(title)));
        self.line(
            "<style>\n\
             text { font-family: system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; fill: #222 }\n\
             .title { font-size: 22px; font-weight: 600 }\n\
             .note { font-size: 14px; fill: #555 }\n\
             .axis { font-size: 15px }\n\
             .tick { font-size: 13px; fill: #444 }\n\
             .key { font-size: 14px }\n\
             .number { font-size: 14px; font-weight: 600 }\n\
             .grid { stroke: #e4e4e4; stroke-width: 1 }\n\
             .frame { fill: none; stroke: #888; stroke-width: 1 }\n\
             </style>",
        );
        self.line(&format!(
            "<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>"
        ));
    }

    fn heading(&mut self, sample: &Sample, outside: usize) {
        self.text("title", [FRAME.left, 34.0], "", &sample.title());
        let (drawn, rows) = (sample.drawn.len() as u64, grouped(sample.rows));
        let mut note = format!("{} clusters, ", sample.centers.len());
        if drawn == 0 {
            note.push_str("their centers alone");
        } else if drawn < sample.rows {
            let _ = write!(note, "{} of {rows} rows, drawn at random", grouped(drawn));
        } else {
            let _ = write!(note, "{rows} rows");
        }
        if outside > 0 {
            let outside = grouped(outside as u64);
            let _ = write!(note, "; {outside} of them lie outside of the map");
        }
        self.text("note", [FRAME.left, 58.0], "", &note);
    }

    fn axes(&mut self, view: &View, (x_name, y_name): (&str, &str)) {
        let (left, top, right, bottom) = (FRAME.left, FRAME.top, FRAME.right(), FRAME.bottom());
        let line = |from: [f64; 2], to: [f64; 2]| {
            let [x1, y1, x2, y2] = [from[0], from[1], to[0], to[1]].map(number);
            format!("<path class=\"grid\" d=\"M{x1} {y1}L{x2} {y2}\"/>")
        };
        let ticks = |axis: &Axis| axis.ticks();
        for (value, text) in ticks(&view.x) {
            let x = view.x.place(value);
            self.line(&line([x, top], [x, bottom]));
            self.text("tick", [x, bottom + 20.0], " text-anchor=\"middle\"", &text);
        }
        for (value, text) in ticks(&view.y) {
            let y = view.y.place(value);
            self.line(&line([left, y], [right, y]));
            self.text("tick", [left - 8.0, y + 4.5], " text-anchor=\"end\"", &text);
        }
        let [x, y, width, height] = [left, top, FRAME.width, FRAME.height].map(number);
        self.line(&format!(
            "<rect class=\"frame\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        ));
        let middle = left + FRAME.width / 2.0;
        self.text(
            "axis",
            [middle, bottom + 48.0],
            " text-anchor=\"middle\"",
            x_name,
        );
        let (x, y) = (20.0, top + FRAME.height / 2.0);
        let turned = format!(
            " text-anchor=\"middle\" transform=\"rotate(-90 {} {})\"",
            number(x),
            number(y)
        );
        self.text("axis", [x, y], &turned, y_name);
    }

    /// One path a cluster: a map of 20,000 rows stays below a megabyte.
    fn rows(&mut self, clusters: usize, rows: impl Iterator<Item = ([f64; 2], usize)>) {
        let mut paths = vec![Vec::new(); clusters];
        for (at, cluster) in rows {
            paths[cluster].push(at);
        }
        let shown: usize = paths.iter().map(Vec::len).sum();
        let (radius, opacity) = match shown {
            0..=600 => (3.6, 0.85),
            601..=5_000 => (2.4, 0.8),
            _ => (1.6, 0.75),
        };
        for (cluster, places) in paths.iter().enumerate() {
            if places.is_empty() {
                continue;
            }
            let shape = shape(cluster).path(radius);
            let mut path = String::new();
            for [x, y] in places {
                let _ = write!(path, "M{} {}{shape}", number(*x), number(*y));
            }
            let colour = colour(cluster);
            self.line(&format!(
                "<path fill=\"{colour}\" fill-opacity=\"{opacity}\" d=\"{path}\"/>"
            ));
        }
    }

    /// Crosses, and numbers beside them where no other number is.
    fn centers(&mut self, centers: &[(usize, [f64; 2])]) {
        for (_, [x, y]) in centers {
            let path = format!("M{} {}m-8 0h16m-8-8v16", number(*x), number(*y));
            self.line(&format!("<path d=\"{path}\" stroke=\"#fff\" stroke-width=\"6\" stroke-linecap=\"round\" fill=\"none\"/>"));
            self.line(&format!("<path d=\"{path}\" stroke=\"#000\" stroke-width=\"2.5\" stroke-linecap=\"round\" fill=\"none\"/>"));
        }
        for Label {
            cluster,
            center,
            middle,
            size,
        } in place(centers, FRAME)
        {
            let [x, y] = [0, 1].map(|i| number(middle[i] - size[i] / 2.0));
            let [width, height] = size.map(number);
            let [cx, cy, mx, my] = [center[0], center[1], middle[0], middle[1]].map(number);
            if labels::is_apart(center, middle) {
                self.line(&format!(
                    "<path d=\"M{cx} {cy}L{mx} {my}\" stroke=\"#000\" stroke-width=\"1\"/>"
                ));
            }
            let colour = colour(cluster);
            self.line(&format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"5\" fill=\"#fff\" fill-opacity=\"0.92\" stroke=\"{colour}\" stroke-width=\"2\"/>"
            ));
            let at = [middle[0], middle[1] + 5.0];
            self.text(
                "number",
                at,
                " text-anchor=\"middle\"",
                &cluster.to_string(),
            );
        }
    }

    fn legend(&mut self, sizes: &[u64], hidden: &dyn Fn(usize) -> bool) {
        let (left, mut y) = (FRAME.right() + 34.0, FRAME.top + 8.0);
        self.text("note", [left - 8.0, y], "", "cluster and its rows");
        let rows: u64 = sizes.iter().sum();
        for (cluster, size) in sizes.iter().enumerate().take(LEGEND) {
            y += 22.0;
            let (path, colour) = (shape(cluster).path(5.5), colour(cluster));
            let (px, py) = (number(left), number(y - 5.0));
            self.line(&format!("<path fill=\"{colour}\" d=\"M{px} {py}{path}\"/>"));
            let share = if rows > 0 {
                100.0 * *size as f64 / rows as f64
            } else {
                0.0
            };
            let beyond = if hidden(cluster) { ", off the map" } else { "" };
            let text = format!("{cluster}: {} ({share:.1} %){beyond}", grouped(*size));
            self.text("key", [left + 16.0, y], "", &text);
        }
        if sizes.len() > LEGEND {
            let more = format!("… and {} more", sizes.len() - LEGEND);
            self.text("note", [left + 16.0, y + 22.0], "", &more);
        }
        let (x, y) = (left, FRAME.bottom() - 10.0);
        let path = format!("M{} {}m-6 0h12m-6-6v12", number(x), number(y - 5.0));
        self.line(&format!("<path d=\"{path}\" stroke=\"#000\" stroke-width=\"2.5\" stroke-linecap=\"round\" fill=\"none\"/>"));
        self.text("key", [x + 16.0, y], "", "center");
    }

    fn end(mut self) -> String {
        self.line("</svg>");
        self.0
    }
}

fn colour(cluster: usize) -> &'static str {
    COLOURS[cluster % COLOURS.len()]
}

fn shape(cluster: usize) -> Shape {
    SHAPES[cluster / COLOURS.len() % SHAPES.len()]
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_rows_the_map_shows_the_centers() {
        let sample = Sample {
            model: "places".to_owned(),
            batch: Some(1),
            window: None,
            features: vec!["a".to_owned(), "b".to_owned()],
            rows: 9,
            drawn: Vec::new(),
            centers: vec![vec![10.0, 20.0], vec![30.0, 40.0]],
            sizes: vec![4, 5],
        };
        let axes = Axes::find(&sample.model, &sample.features, None, None);
        let map = sample.draw(axes.unwrap());
        assert!(map.contains("2 clusters, their centers alone"), "{map}");
        assert_eq!(
            map.matches("stroke=\"#000\" stroke-width=\"2.5\"").count(),
            3,
            "{map}"
        );
        assert!(!map.contains("off the map"), "{map}");
    }

    #[test]
    fn thousands_are_set_apart() {
        let all = [0, 999, 1_000, 25_000, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "999", "1,000", "25,000", "1,234,567"]);
    }
}
