//! Expressions that nobody would write: none may panic or take long.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use gugus_spec::{Column, ColumnType, Feature, OtherColumns};

use super::files::column;
use crate::{Expressions, FeaturePlan, PlanError};

/// What is mutated: each kind of expression that people write, and some that they should not.
const BANK: &[&str] = &[
    "CASE WHEN floor(n / 100) = 5 AND d IN ('a', 'b', 'c') THEN 1.0 ELSE 0.0 END",
    "extract(hour from w AT TIME ZONE 'America/Los_Angeles')",
    "extract(epoch from to_timestamp(d, '%Y-%m-%d'))",
    "date_part('dow', date_trunc('month', w)) + n % 7",
    "coalesce(nullif(n, 0), 1) / n - x ^ 2",
    "length(repeat(d, n)) + levenshtein(d, upper(d))",
    "x BETWEEN -1 AND 1 OR NOT (n > 0 AND 100 / n < 60)",
    "CAST(substr(d, 1, 4) AS INT) * 60 + CAST(right(d, 2) AS BIGINT)",
    "cardinality(array_repeat(n, 3)) + array_length(make_array(x, 1, 2))",
    "regexp_count(d, '[a-z]+') + strpos(d, 'x') + ascii(chr(n))",
    "sin(radians(x)) * cos(x) + round(x, 3) + abs(-n) + n::double",
    "CASE d WHEN 'a' THEN 1 WHEN 'b' THEN 2 ELSE length(lpad(d, n, 'y')) END",
    "make_date(2024, n, 1) > DATE '2024-01-01' AND w > TIMESTAMP '1600-01-01'",
    "length(to_char(w, '%Y')) + (w - INTERVAL '1 day' < w)::int",
    "length(concat_ws(d, d, d)) + length(replace(d, 'a', d)) + bit_length(d)",
];

/// What mutations put in.
const TOKENS: &[&str] = &[
    "n",
    "x",
    "d",
    "w",
    "0",
    "-1",
    "1e308",
    "9223372036854775807",
    "'a'",
    "''",
    "NULL",
    "true",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "AND",
    "OR",
    "NOT",
    "IS NULL",
    "IN (1, 2)",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE 1",
    "END",
    "BETWEEN 1 AND",
    "::int",
    "::text",
    "::timestamp",
    "abs(",
    "sqrt(",
    "repeat(d,",
    "lpad(d,",
    "range(",
    "date_trunc('year',",
    "to_timestamp(",
    "[1]",
    ".",
    "\"",
    "'",
    ";",
    "--",
    "/*",
    "interval '1 month'",
    "unnest(",
    "row(",
    "struct(",
    "map(",
    "@",
    "ä",
    "\u{0}",
    "power(x,",
    "factorial(",
    "overlay(d placing d from",
    "EXISTS (SELECT 1)",
    "array[",
];

fn columns() -> Vec<Column> {
    let timestamp = ColumnType::Timestamp {
        formats: Vec::new(),
        timezone: None,
    };
    [
        ("n", ColumnType::Int32),
        ("x", ColumnType::Float64),
        ("d", ColumnType::Utf8),
        ("w", timestamp),
    ]
    .map(|(name, data_type)| column(name, data_type))
    .to_vec()
}

/// Values at the ends of what there is.
fn rows() -> RecordBatch {
    let n = [Some(0), None, Some(-1), Some(i32::MAX), Some(i32::MIN)];
    let x = [f64::NAN, f64::INFINITY, -0.0, f64::MAX, 1.5];
    let d = [Some(""), None, Some("2024-02-30"), Some("ä€😀"), Some("a")];
    let w = [
        Some(0),
        None,
        Some(i64::MIN),
        Some(i64::MAX),
        Some(-11_676_096_000_000),
    ];
    RecordBatch::try_from_iter([
        ("n", Arc::new(Int32Array::from(n.to_vec())) as ArrayRef),
        ("x", Arc::new(Float64Array::from(x.to_vec()))),
        ("d", Arc::new(StringArray::from(d.to_vec()))),
        (
            "w",
            Arc::new(TimestampMillisecondArray::from(w.to_vec()).with_timezone("UTC")),
        ),
    ])
    .unwrap()
}

/// Numbers from a seed, the same for ever.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn mutated(draws: &mut Draws) -> String {
    let mut tokens: Vec<&str> = draws.of(BANK).split_inclusive(' ').collect();
    for _ in 0..draws.below(4) {
        let at = draws.below(tokens.len());
        match draws.below(6) {
            0 if tokens.len() > 1 => drop(tokens.remove(at)),
            1 => tokens.insert(at, draws.of(TOKENS)),
            2 => tokens[at] = draws.of(TOKENS),
            3 => {
                let other = draws.below(tokens.len());
                tokens.swap(at, other);
            }
            4 => tokens.extend(draws.of(BANK).split_inclusive(' ')),
            _ => {
                let part = tokens[at..tokens.len().min(at + 3)].repeat(draws.below(40));
                tokens.splice(at..at, part);
            }
        }
    }
    tokens.join(" ")
}

#[test]
fn mutated_expressions_neither_panic_nor_take_long() {
    let (columns, rows) = (columns(), rows());
    let mut draws = Draws(0x9E37_79B9_7F4A_7C15);
    let mut planned = 0;
    for case in 0..1_500 {
        let sql = mutated(&mut draws);
        let began = Instant::now();
        let condition = draws.below(3) == 0;
        let features = [Feature {
            name: "f".to_owned(),
            sql: if condition { "x" } else { &sql }.to_owned(),
        }];
        let expressions = Expressions {
            condition: condition.then_some(sql.as_str()),
            ..Expressions::features(&features)
        };
        match FeaturePlan::new(&columns, OtherColumns::Utf8, &expressions) {
            Ok(plan) => {
                planned += 1;
                if let Err(error) = plan.evaluate(&rows) {
                    let text = error.to_string();
                    assert!(!text.contains("panicked"), "{case}: {sql}: {text}");
                }
            }
            Err(PlanError::Panicked) => panic!("{case}: {sql}"),
            Err(_) => {}
        }
        assert!(began.elapsed().as_secs() < 10, "{case}: {sql}");
    }
    assert!(planned > 100, "only {planned} were expressions");
}
