//! Damaged job files and odd expressions: `job check` and a scheduler answer in time, and nobody panics.

use std::fs;

use gugus_damage::Draw;
use gugus_spec::Job;
use serde_json::json;

use super::{cases, in_time};
use crate::kit::http;
use crate::kit::machines::{Scheduler, prepared};
use crate::kit::same::short;
use crate::kit::work::{self, shipped};

/// Cases of one seed: a few seconds in a debug build.
const CASES: u64 = 300;

/// Of so many job files, one goes to a scheduler, too.
const SUBMITTED: usize = 8;

#[test]
fn no_job_file_stops_a_check_or_a_scheduler() {
    let (work, ..) = prepared(2, 10, 2);
    let mut scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let runs = format!("{}/gugus/v1/runs", scheduler.http);
    let bases =
        ["crime.toml", "chicago.toml"].map(|name| fs::read_to_string(shipped(name)).unwrap());
    cases(CASES, 22, |draw| {
        let text = match draw.below(4) {
            0 => damaged(bases[draw.below(2)].clone(), draw),
            _ => with_expression(draw),
        };
        let wrong = |what: &str| Err(format!("{what}\n--- the job\n{}", short(&text)));
        let job = text.clone();
        match in_time(move || check(&job)) {
            Ok(said) if said.contains("panic") => return wrong(&short(&said)),
            Ok(_) => {}
            Err(why) => return wrong(&why),
        }
        if draw.below(SUBMITTED) > 0 {
            return Ok(());
        }
        let (batches, models) = (work.path("batch"), work.path("new"));
        let body = json!({"job_file": text, "batches": batches, "models": models, "dry_run": true});
        let runs = runs.clone();
        let json = [("content-type", "application/json")];
        match in_time(move || http::send(&runs, &json, &body.to_string())) {
            Ok(answer) if answer.status().as_u16() >= 500 => wrong(&http::text(answer)),
            Ok(_) if !scheduler.up.runs() => wrong("the scheduler ended"),
            Ok(_) => Ok(()),
            Err(why) => wrong(&why),
        }
    });
}

/// What `job check` says of a job file.
fn check(text: &str) -> String {
    let job = match Job::parse(text, "damaged.toml") {
        Ok(job) => job,
        Err(error) => return gugus_error::chain(&error),
    };
    match gugus_train::check(&job) {
        Ok(_) => job.to_string(),
        Err(error) => gugus_error::chain(&error),
    }
}

/// A job of two columns with an expression as its feature, its `where`, its weight or its window.
fn with_expression(draw: &mut Draw) -> String {
    let depth = 1 + draw.below(6);
    let mut sql = expression(draw, depth);
    if draw.chance(40) {
        sql = damaged(sql, draw);
    }
    let sql = json!(sql).to_string();
    let keys = match draw.below(4) {
        0 => format!("where = {sql}\n"),
        1 => format!("scope = \"window\"\nwindow = {{ sql = {sql} }}\n"),
        2 => format!("weight = {sql}\n"),
        _ => {
            let model = work::model("m", "k = 2\n");
            let feature = format!("{{ name = \"f\", sql = {sql} }}");
            return work::job("test", 10, &model.replace("\"y\"", &feature));
        }
    };
    work::job("test", 10, &work::model("m", &format!("k = 2\n{keys}")))
}

const FUNCTIONS: [&str; 24] = [
    "abs",
    "floor",
    "sqrt",
    "ln",
    "power",
    "coalesce",
    "nullif",
    "to_timestamp",
    "date_trunc",
    "date_part",
    "make_date",
    "chr",
    "repeat",
    "substr",
    "regexp_replace",
    "regexp_like",
    "strpos",
    "upper",
    "concat",
    "random",
    "now",
    "sum",
    "count",
    "nosuch",
];

const LEAVES: [&str; 16] = [
    "x",
    "\"y\"",
    "z",
    "\"Y\"",
    "0",
    "-1",
    "1e308",
    "9223372036854775808",
    "0.1",
    "NULL",
    "TRUE",
    "''",
    "'it''s'",
    "'%Y-%m-%d'",
    "INTERVAL '1 month'",
    "*",
];

const OPERATORS: [&str; 16] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "<>",
    "<",
    ">=",
    "AND",
    "OR",
    "||",
    "IS DISTINCT FROM",
    "LIKE",
    "&",
    "<<",
];

const TYPES: [&str; 8] = [
    "bigint",
    "double",
    "varchar",
    "timestamp",
    "date",
    "boolean",
    "decimal(38, 10)",
    "blob",
];

/// What can lie within itself.
const NESTS: [(&str, &str); 16] = [
    ("(", ")"),
    ("[", "]"),
    ("struct(", ")"),
    ("MAP {'a': ", "}"),
    ("CASE WHEN x THEN ", " END"),
    ("CASE ", " WHEN 1 THEN 2 END"),
    ("CAST(", " AS INT)"),
    ("EXTRACT(hour FROM ", ")"),
    ("SUBSTRING(", " FROM 1)"),
    ("INTERVAL ", " day"),
    ("x BETWEEN ", " AND 1"),
    ("x IN (", ")"),
    ("x IS NOT DISTINCT FROM ", ""),
    ("NOT ", ""),
    ("- ", ""),
    ("(SELECT ", ")"),
];

/// An expression that need not make sense, nested so deep.
fn expression(draw: &mut Draw, depth: usize) -> String {
    if depth == 0 {
        return LEAVES[draw.below(LEAVES.len())].to_owned();
    }
    let one = |draw: &mut Draw| {
        let depth = draw.below(depth);
        expression(draw, depth)
    };
    let two = |draw: &mut Draw| (one(draw), one(draw));
    match draw.below(14) {
        0..=2 => {
            let (a, b) = two(draw);
            format!("{a} {} {b}", OPERATORS[draw.below(OPERATORS.len())])
        }
        3..=5 => {
            let arguments = (0..draw.below(4)).map(|_| one(draw)).collect::<Vec<_>>();
            let function = FUNCTIONS[draw.below(FUNCTIONS.len())];
            format!("{function}({})", arguments.join(", "))
        }
        6 => {
            let (a, b) = two(draw);
            format!("CASE WHEN {a} THEN {b} ELSE {} END", one(draw))
        }
        7 => format!("CAST({} AS {})", one(draw), TYPES[draw.below(TYPES.len())]),
        8 => {
            let (a, b) = two(draw);
            format!("{a} IN ({b}, {})", one(draw))
        }
        9 => format!("({}) IS NOT NULL", one(draw)),
        10 => format!("NOT -({})", one(draw)),
        11 | 12 => {
            let (begin, end) = NESTS[draw.below(NESTS.len())];
            let times = draw.below(30);
            let inner = one(draw);
            // Some of them lack their ends.
            let ends = if draw.chance(50) {
                times
            } else {
                draw.below(times + 1)
            };
            format!("{}{inner}{}", begin.repeat(times), end.repeat(ends))
        }
        _ => vec![one(draw); 1 + draw.below(40)].join(" + "),
    }
}

/// Words that mean something in job files or SQL.
const ODD: [&str; 20] = [
    "\"", "'", "(", ")", "[", "]", "{", "}", "=", ",", "\\", "\n", "--", "/*", ";", "\u{0}", "ä",
    "0x", ".", "1e999",
];

/// A text with one to four pieces of damage.
fn damaged(text: String, draw: &mut Draw) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..=draw.below(4) {
        let at = draw.below(text.len() + 1);
        let end = text.len().min(at + draw.below(12));
        match draw.below(4) {
            0 => text.truncate(at),
            1 => drop(text.drain(at..end)),
            2 => drop(text.splice(at..at, ODD[draw.below(ODD.len())].chars())),
            _ => {
                let again = text[at..end].to_vec();
                drop(text.splice(at..at, again));
            }
        }
    }
    text.into_iter().collect()
}
