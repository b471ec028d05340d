//! Job files that are refused, with the whole message of each: where, what, and what to write in its place.

// Helpers fail a test as the test itself does; the lint knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use gugus_spec::{Error, Job};
use proptest::prelude::*;

fn message(text: &str) -> String {
    Job::parse(text, "j.toml").expect_err(text).to_string()
}

/// A job with these lines, the first of them line 5, under `[source]`.
fn source(lines: &str) -> String {
    message(&format!(
        "name = \"n\"\n\n[source]\ntopic = \"t\"\n{lines}\n"
    ))
}

/// A job with this line 4 under `[batches]`.
fn batches(line: &str) -> String {
    message(&format!(
        "name = \"n\"\nsource.topic = \"t\"\n[batches]\n{line}\n"
    ))
}

/// A job with these lines, the first of them line 6, under `[[models]]` of the model `m` over `x`.
fn model(lines: &str) -> String {
    message(&format!(
        "name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"m\"\nfeatures = [\"x\"]\n{lines}\n"
    ))
}

/// A job whose features are this, in line 5.
fn features(value: &str) -> String {
    message(&format!(
        "name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"m\"\nfeatures = {value}\n"
    ))
}

#[test]
fn unknown_keys_name_the_nearest() {
    for (refusal, expected) in [
        (
            source("colums = {}"),
            r#"j.toml line 5: unknown key "colums" in [source], did you mean "columns""#,
        ),
        (
            batches("max_ages = 1"),
            r#"j.toml line 4: unknown key "max_ages" in [batches], did you mean "max_age""#,
        ),
        (
            model("maxIter = 5"),
            r#"j.toml line 6: unknown key "maxIter" in [[models]] "m", did you mean "max_iter""#,
        ),
        (
            source("[source.columns]\n\n\"TIME OCC\" = { typ = \"int32\" }"),
            r#"j.toml line 7: unknown key "typ" in [source.columns."TIME OCC"], did you mean "type""#,
        ),
        (
            features(r#"[{ name = "a", sq = "1" }]"#),
            r#"j.toml line 5: unknown key "sq" in features of [[models]] "m", did you mean "sql""#,
        ),
        (
            message("name = \"n\"\n\n[modles]\nx = 1\n"),
            r#"j.toml line 3: unknown key "modles" in the job file, did you mean "models""#,
        ),
    ] {
        assert_eq!(refusal, expected);
    }
}

#[test]
fn a_key_like_no_other_gets_the_whole_list() {
    for (refusal, expected) in [
        (
            batches("colour = 1"),
            "j.toml line 4: unknown key \"colour\" in [batches], it takes rows, bytes, max_record_bytes, max_age, idle, max_reject_ratio",
        ),
        (
            message("name = \"n\"\nk = 3\n"),
            "j.toml line 2: unknown key \"k\" in the job file, it takes name, source, batches, models",
        ),
    ] {
        assert_eq!(refusal, expected);
    }
}

#[test]
fn the_first_wrong_key_of_a_table_is_named() {
    assert!(source("zebra = 1\naardvark = 2").contains("line 5: unknown key \"zebra\""));
}

#[test]
fn missing_keys_are_named_with_their_table() {
    for (refusal, expected) in [
        (
            message(""),
            r#"j.toml line 1: the job file lacks the key "name", the job's name, such as "crime""#,
        ),
        (
            message("name = \"n\"\n"),
            r#"j.toml line 1: the job file lacks the key "source", a table with the topic and its columns"#,
        ),
        (
            message("name = \"n\"\n\n[source]\n"),
            r#"j.toml line 3: [source] lacks the key "topic", the name of the Kafka topic"#,
        ),
        (
            source("columns.a = { required = true }"),
            r#"j.toml line 5: [source.columns.a] lacks the key "type", one of utf8, bool, int32, int64, float32, float64, timestamp"#,
        ),
        (
            message("name = \"n\"\nsource.topic = \"t\"\n\n[[models]]\nfeatures = [\"x\"]\n"),
            r#"j.toml line 4: [[models]] number 1 lacks the key "name", the model's name, such as "location""#,
        ),
        (
            message("name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"m\"\n"),
            r#"j.toml line 3: [[models]] "m" lacks the key "features", a list of columns, or of { name, sql } expressions"#,
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    assert!(
        features(r#"[{ name = "a" }]"#)
            .contains(r#"features of [[models]] "m" lacks the key "sql""#)
    );
    assert!(
        features(r#"[{ sql = "a" }]"#)
            .contains(r#"features of [[models]] "m" lacks the key "name""#)
    );
}

#[test]
fn what_is_not_toml_is_named_with_its_line() {
    for (text, line) in [
        ("name = \"n\"\nsource = [\n", 2),
        ("name = \"n\"\nname = \"n\"\n", 2),
        ("[source.columns]\na = {}\na = {}\n", 3),
        ("a b", 1),
        ("\u{0}", 1),
    ] {
        let error = Job::parse(text, "j.toml").unwrap_err();
        assert!(
            matches!(&error, Error::Syntax { place, .. } if place.line == line),
            "{text:?}: {error}"
        );
        assert!(
            error
                .to_string()
                .starts_with(&format!("j.toml line {line}: not TOML: ")),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn names_and_topics_have_their_rules() {
    for (refusal, expected) in [
        (
            message("name = \"../n\"\nsource.topic = \"t\"\n"),
            r#"j.toml line 1: name in the job file is the text "../n", but the name "../n" starts with "." or "_", which readers of data folders take for hidden files"#,
        ),
        (
            message("name = \"n\"\nsource.topic = \"a b\"\n"),
            r#"j.toml line 2: topic in [source] is the text "a b", but a topic has 1 to 249 of A-Z, a-z, 0-9, ".", "_" and "-", and is not "." or "..""#,
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    for topic in ["", ".", "..", "ä", &"x".repeat(250)] {
        assert!(
            message(&format!("name = \"n\"\nsource.topic = \"{topic}\"\n"))
                .contains("a topic has 1 to 249")
        );
    }
    assert!(
        message(
            "name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"a/b\"\nfeatures = [\"x\"]\n"
        )
        .contains("line 4: name in [[models]] number 1")
    );
}

#[test]
fn columns_have_their_rules() {
    for (refusal, expected) in [
        (
            source("[source.columns]\nLAT = \"float64\""),
            r#"j.toml line 6: LAT in [source.columns] is the text "float64", but it must be a table such as { type = "float64", required = true }"#,
        ),
        (
            source("[source.columns]\nLAT = { type = \"flaot64\" }"),
            r#"j.toml line 6: type in [source.columns.LAT] is the text "flaot64", but it must be one of "utf8", "bool", "int32", "int64", "float32", "float64", "timestamp", did you mean "float64""#,
        ),
        (
            source("[source.columns]\nLAT = { type = \"float64\", required = \"yes\" }"),
            r#"j.toml line 6: required in [source.columns.LAT] is the text "yes", but it must be true or false, without quotes"#,
        ),
        (
            source("[source.columns]\nLAT = { type = 64 }"),
            r#"j.toml line 6: type in [source.columns.LAT] is 64, but it must be text in quotes"#,
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    for name in ["_partition", "_offset", "_timestamp"] {
        assert_eq!(
            source(&format!(
                "[source.columns]\n{name} = {{ type = \"int64\" }}"
            )),
            format!(
                "j.toml line 6: {name} in [source.columns] is a table, but _partition, _offset and _timestamp are columns that every batch has: leave it out"
            )
        );
    }
    assert_eq!(
        source("[source.columns]\n\"\" = { type = \"int64\" }"),
        r#"j.toml line 6: "" in [source.columns] is a table, but a column needs a name"#
    );
    assert!(source("columns = [\"LAT\"]").contains(
        "columns in [source] is a list, but it must be a table with one line for each column"
    ));
    assert!(
        source("other_columns = \"utf\"")
            .contains(r#"it must be one of "utf8", "drop", did you mean "utf8""#)
    );
    assert!(
        source("other_columns = true")
            .contains(r#"other_columns in [source] is true, but it must be one of "utf8", "drop""#)
    );
}

#[test]
fn formats_have_their_rules() {
    let format = |value: &str| {
        source(&format!(
            "columns.d = {{ type = \"timestamp\", format = {value} }}"
        ))
    };
    assert_eq!(
        format("\"%Q\""),
        "j.toml line 5: format in [source.columns.d] is the text \"%Q\", but chrono knows no such specifier (see its page on strftime)"
    );
    assert!(
        format("[\"%Y-%m-%d\", \"%H:%M\"]")
            .contains("is the text \"%H:%M\", but it gives no instant")
    );
    assert!(format("[]").contains("is an empty list, but an empty list reads nothing"));
    assert!(
        format("[1]").contains("format in [source.columns.d] is 1, but it must be text in quotes")
    );
    assert!(format("1").contains("is 1, but it must be a format such as"));
    assert!(
        source("columns.d = { type = \"int32\", format = \"%Y\" }")
            .contains("only a timestamp has a format, and this is int32")
    );
}

#[test]
fn limits_have_their_rules() {
    let whole = "but it must be a whole number from 1 to 9223372036854775807";
    for (line, found) in [
        ("rows = 0", "0"),
        ("rows = -1", "-1"),
        ("rows = \"100\"", "the text \"100\""),
        ("rows = 1.5", "1.5"),
        ("rows = 99999999999999999999", "99999999999999999999"),
        ("rows = true", "true"),
        ("rows = 2020-01-01", "the date 2020-01-01"),
    ] {
        assert_eq!(
            batches(line),
            format!("j.toml line 4: rows in [batches] is {found}, {whole}")
        );
    }
    for line in [
        "bytes = 0",
        "bytes = -1",
        "bytes = \"\"",
        "bytes = \"many\"",
        "bytes = \"0B\"",
        "bytes = 1.5",
        "bytes = \"99999999999TiB\"",
    ] {
        assert!(
            batches(line).contains("but it must be a size of at least one byte, such as \"64MiB\""),
            "{line}"
        );
    }
    for line in [
        "max_age = 30",
        "max_age = \"30\"",
        "idle = \"0s\"",
        "idle = \"soon\"",
        "idle = \"-1s\"",
    ] {
        assert!(
            batches(line).contains("but it must be a duration longer than zero, such as \"30s\""),
            "{line}"
        );
    }
    for line in [
        "max_reject_ratio = 1.5",
        "max_reject_ratio = -0.1",
        "max_reject_ratio = nan",
        "max_reject_ratio = \"0.1\"",
    ] {
        assert!(
            batches(line).contains("but it must be a number from 0 to 1"),
            "{line}"
        );
    }
    assert!(
        message("name = \"n\"\nsource.topic = \"t\"\nbatches = 100\n")
            .contains("batches in the job file is 100, but it must be a table")
    );
}

#[test]
fn parameters_have_their_rules() {
    let most = i32::MAX;
    for (line, rule) in [
        ("k = 1", format!("k in [[models]] \"m\" is 1, but it must be a whole number from 2 to {most}")),
        ("k = 2.0", format!("k in [[models]] \"m\" is 2.0, but it must be a whole number from 2 to {most}")),
        ("seed = 9223372036854775808", "but it must be a whole number from -9223372036854775808 to 9223372036854775807".to_owned()),
        ("max_iter = -1", format!("but it must be a whole number from 0 to {most}")),
        ("init_steps = 0", format!("but it must be a whole number from 1 to {most}")),
        ("tol = -0.1", "but it must be a finite number of at least 0".to_owned()),
        ("tol = inf", "but it must be a finite number of at least 0".to_owned()),
        ("tol = \"0\"", "but it must be a finite number of at least 0".to_owned()),
        ("init_mode = \"kmeans||\"", r#"is the text "kmeans||", but it must be one of "k-means||", "random", did you mean "k-means||""#.to_owned()),
        ("init = \"kmeans++\"", r#"is the text "kmeans++", but it must be one of "spark", "k-means++", did you mean "k-means++""#.to_owned()),
        ("n_init = 0", format!("but it must be a whole number from 1 to {most}")),
        ("distance_measure = \"manhattan\"", r#"but it must be one of "euclidean", "cosine""#.to_owned()),
        ("solver = 1", r#"but it must be one of "auto", "block", "row""#.to_owned()),
        ("handle_invalid = \"keep\"", r#"but it must be one of "error", "skip""#.to_owned()),
        ("where = \" \"", r#"where in [[models]] "m" is the text " ", but it must not be empty"#.to_owned()),
        ("where = true", "but it must be text in quotes".to_owned()),
        ("weight_col = \"\"", "but it must not be empty".to_owned()),
    ] {
        let message = model(line);
        assert!(message.starts_with("j.toml line 6: ") && message.contains(&rule), "{line}: {message}");
    }
}

#[test]
fn keys_of_another_algorithm_are_refused() {
    for (refusal, expected) in [
        (
            model("algorithm = \"dbscn\"\neps = 1"),
            r#"j.toml line 6: algorithm in [[models]] "m" is the text "dbscn", but it must be one of "kmeans", "minibatch", "dbscan", "gmm", did you mean "dbscan""#,
        ),
        (
            model("algorithm = \"dbscan\"\neps = 1\nmax_iter = 5"),
            r#"j.toml line 8: unknown key "max_iter" in [[models]] "m" with algorithm "dbscan", it takes name, algorithm, scope, window, where, features, handle_invalid, promote, eps, min_points"#,
        ),
        (
            model("algorithm = \"gmm\"\nn_run = 5"),
            r#"j.toml line 7: unknown key "n_run" in [[models]] "m" with algorithm "gmm", did you mean "n_runs""#,
        ),
        (
            model("minPoints = 5\nalgorithm = \"dbscan\""),
            r#"j.toml line 6: unknown key "minPoints" in [[models]] "m" with algorithm "dbscan", did you mean "min_points""#,
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    for algorithm in ["minibatch", "dbscan", "gmm"] {
        for key in [
            "weight_col = \"w\"",
            "init_steps = 1",
            "init = \"k-means++\"",
            "n_init = 2",
            "distance_measure = \"cosine\"",
            "solver = \"row\"",
        ] {
            let text = model(&format!("algorithm = \"{algorithm}\"\n{key}"));
            assert!(text.contains("line 7: unknown key"), "{text}");
        }
    }
    assert!(model("eps = 1").contains("line 6: unknown key \"eps\""));
    assert!(
        model("algorithm = 1")
            .contains("algorithm in [[models]] \"m\" is 1, but it must be one of")
    );
}

#[test]
fn parameters_of_each_algorithm_have_their_rules() {
    let most = i32::MAX;
    assert_eq!(
        model("algorithm = \"dbscan\""),
        r#"j.toml line 3: [[models]] "m" with algorithm "dbscan" lacks the key "eps", how far apart neighbours are at most, in the features' unit"#
    );
    let whole = |least| format!("it must be a whole number from {least} to {most}");
    let positive = "it must be a finite number above 0".to_owned();
    for (algorithm, line, rule) in [
        ("minibatch", "k = 1", whole(2)),
        ("minibatch", "n_runs = 0", whole(1)),
        (
            "minibatch",
            "init_mode = \"k-means||\"",
            r#"it must be one of "k-means++", "random", did you mean "k-means++""#.to_owned(),
        ),
        ("dbscan", "eps = 0", positive.clone()),
        ("dbscan", "eps = -1.5", positive.clone()),
        ("dbscan", "eps = nan", positive.clone()),
        ("dbscan", "eps = \"1\"", positive.clone()),
        ("dbscan", "eps = 1\nmin_points = 1", whole(2)),
        ("gmm", "k = 0", whole(1)),
        ("gmm", "max_iter = 0", whole(1)),
        ("gmm", "tol = 0", positive.clone()),
        ("gmm", "n_runs = 0", whole(1)),
        (
            "gmm",
            "reg_covar = -1e-6",
            "it must be a finite number of at least 0".to_owned(),
        ),
        (
            "gmm",
            "init_mode = \"k-means||\"",
            r#"it must be one of "kmeans", "random""#.to_owned(),
        ),
        (
            "gmm",
            "covariance_type = \"diag\"",
            r#"it must be one of "full""#.to_owned(),
        ),
    ] {
        let text = model(&format!("algorithm = \"{algorithm}\"\n{line}"));
        assert!(text.contains(&rule), "{line}: {text}");
    }
}

#[test]
fn numbers_that_would_only_keep_a_machine_busy_are_refused() {
    for (algorithm, line, most) in [
        ("kmeans", "k = 2000000000", 1_000_000),
        ("kmeans", "max_iter = 2000000000", 1_000_000),
        ("kmeans", "init_steps = 2000000000", 1_000),
        ("kmeans", "n_init = 1001", 1_000),
        ("minibatch", "k = 2000000000", 1_000_000),
        ("minibatch", "n_runs = 2000000000", 1_000),
        ("dbscan", "eps = 1\nmin_points = 2000000000", 1_000_000),
        ("gmm", "k = 2000000000", 1_000_000),
        ("gmm", "max_iter = 2000000000", 1_000_000),
        ("gmm", "n_runs = 2000000000", 1_000),
    ] {
        let text = model(&format!("algorithm = \"{algorithm}\"\n{line}"));
        let rule = format!("it must be at most {most}, because the work grows with it");
        assert!(text.contains(&rule), "{line}: {text}");
    }
}

#[test]
fn scopes_have_their_rules() {
    assert!(model("scope = \"al\"").contains(r#"scope in [[models]] "m" is the text "al", but it must be one of "batch", "all", "window""#));
    for algorithm in ["minibatch", "dbscan", "gmm"] {
        for scope in ["all", "window"] {
            assert_eq!(
                model(&format!("algorithm = \"{algorithm}\"\nscope = \"{scope}\"")),
                format!(
                    "j.toml line 7: scope in [[models]] \"m\" with algorithm \"{algorithm}\" is the text \"{scope}\", but only algorithm = \"kmeans\" is fitted over more than a batch: leave it out, or take that algorithm"
                )
            );
        }
    }
    assert_eq!(
        model("scope = \"window\""),
        r#"j.toml line 3: [[models]] "m" lacks the key "window", such as { last = 100 }, { by = "month", column = "DATE OCC" } or { sql = "…" }"#
    );
    for scope in ["", "scope = \"batch\"", "scope = \"all\""] {
        assert_eq!(
            model(&format!("{scope}\nwindow = {{ last = 100 }}")),
            "j.toml line 7: window in [[models]] \"m\" is a table, but it says how scope = \"window\" cuts the rows: add scope = \"window\", or leave it out"
        );
    }
}

#[test]
fn training_again_has_its_rules() {
    let all = |line: &str| model(&format!("scope = \"all\"\n{line}"));
    for line in ["retrain = { batches = 10 }", "warm_start = true"] {
        let rule = "only a model with scope = \"all\" is trained again as its job file says";
        assert!(model(line).contains(rule), "{line}");
    }
    for (line, rule) in [
        ("retrain = 10", "it must be a table"),
        (
            "retrain = {}",
            "it must be one of { batches = 10 }, { every = \"5m\" } and { growth = 0.1 }",
        ),
        (
            "retrain = { batches = 1, growth = 0.1 }",
            "it must be one of { batches = 10 }",
        ),
        (
            "retrain = { batches = 0 }",
            "it must be a whole number from 1",
        ),
        (
            "retrain = { every = \"0s\" }",
            "it must be a duration longer than zero",
        ),
        ("retrain = { growth = 0 }", "it must be a share above 0"),
        (
            "retrain = { growth = \"10 %\" }",
            "it must be a finite number",
        ),
        ("retrain = { rows = 10 }", "rows"),
        ("warm_start = 1", "it must be true or false"),
    ] {
        assert!(all(line).contains(rule), "{line}: {}", all(line));
    }
}

#[test]
fn windows_have_their_rules() {
    let window = |value: &str| {
        message(&format!(
            "name = \"n\"\n[source]\ntopic = \"t\"\ncolumns.d = {{ type = \"timestamp\" }}\ncolumns.n = {{ type = \"int32\" }}\n[[models]]\nname = \"m\"\nfeatures = [\"n\"]\nscope = \"window\"\nwindow = {value}\n"
        ))
    };
    let place = "j.toml line 10: ";
    for (value, why) in [
        (
            "100",
            r#"window in [[models]] "m" is 100, but it must be a table"#,
        ),
        (
            "{}",
            r#"window in [[models]] "m" is a table, but it must be one of { last = 100 }, { by = "month", column = "DATE OCC" } and { sql = "…" }"#,
        ),
        (
            "{ last = 1, sql = \"n\" }",
            r#"window in [[models]] "m" is a table, but it must be one of"#,
        ),
        (
            "{ lats = 1 }",
            r#"unknown key "lats" in window of [[models]] "m", did you mean "last""#,
        ),
        (
            "{ last = 0 }",
            r#"last in window of [[models]] "m" is 0, but it must be a whole number from 1 to"#,
        ),
        (
            "{ last = 5, column = \"d\" }",
            "only a window by year, month, week, day or hour has one",
        ),
        (
            "{ sql = \"n\", column = \"d\" }",
            "only a window by year, month, week, day or hour has one",
        ),
        ("{ sql = \" \" }", "it must not be empty"),
        (
            "{ by = \"month\" }",
            r#"window of [[models]] "m" lacks the key "column", the timestamp that decides"#,
        ),
        (
            "{ by = \"months\", column = \"d\" }",
            r#"it must be one of "year", "month", "week", "day", "hour", did you mean "month""#,
        ),
        (
            "{ by = \"day\", column = \"n\" }",
            r#"column in window of [[models]] "m" is the text "n", but it must be a column of type timestamp, and this is int32"#,
        ),
        (
            "{ by = \"day\", column = \"x\" }",
            r#"column "x" is not in [source.columns]: add it there with type = "timestamp""#,
        ),
    ] {
        let text = window(value);
        assert!(
            text.starts_with(place) && text.contains(why),
            "{value}: {text}"
        );
    }
}

#[test]
fn features_have_their_rules() {
    assert_eq!(
        features("[]"),
        r#"j.toml line 5: features in [[models]] "m" is an empty list, but a point needs at least one dimension"#
    );
    assert!(
        features("\"x\"")
            .contains("but it must be a list of columns, or of { name, sql } expressions")
    );
    assert!(
        features("[1]")
            .contains("but it must be a list of columns, or of { name, sql } expressions")
    );
    assert!(features("[\"\"]").contains("but it must not be empty"));
    assert!(features(r#"[{ name = "", sql = "1" }]"#).contains("but it must not be empty"));
    assert!(features(r#"[{ name = "a", sql = "" }]"#).contains("but it must not be empty"));
    assert!(
        features("[\"x\", \"x\"]")
            .contains("but a feature named \"x\" stands before it in the list")
    );
}

#[test]
fn columns_that_will_be_dropped_are_no_features() {
    let job = |model: &str| {
        message(&format!(
            "name = \"n\"\n[source]\ntopic = \"t\"\nother_columns = \"drop\"\ncolumns.a = {{ type = \"int32\" }}\n[[models]]\nname = \"m\"\n{model}\n"
        ))
    };
    assert_eq!(
        job("features = [\"a\", \"b\"]"),
        r#"j.toml line 8: features in [[models]] "m" is the text "b", but column "b" is not in [source.columns], and other_columns = "drop" keeps no others: add it there"#
    );
    assert!(job("features = [\"a\"]\nweight_col = \"b\"").contains("line 9: weight_col"));
}

#[test]
fn models_of_one_name_are_refused() {
    let one = "[[models]]\nname = \"m\"\nfeatures = [\"x\"]\n";
    assert_eq!(
        message(&format!("name = \"n\"\nsource.topic = \"t\"\n{one}{one}")),
        r#"j.toml line 7: name in [[models]] "m" is the text "m", but a model of that name stands above, and each needs a folder of its own"#
    );
    assert!(
        message("name = \"n\"\nsource.topic = \"t\"\n[models]\nname = \"m\"\n")
            .contains("but models are written as [[models]]")
    );
    assert!(
        message("name = \"n\"\nsource.topic = \"t\"\nmodels = [1]\n")
            .contains("but models are written as [[models]]")
    );
}

#[test]
fn long_values_are_cut() {
    let message = message(&format!(
        "name = \"{}\"\nsource.topic = \"t\"\n",
        "ü".repeat(100_000)
    ));
    assert!(message.len() < 1000, "{message}");
    let message = source(&format!("{} = 1", "k".repeat(100_000)));
    assert!(message.len() < 1000, "{message}");
}

/// Lines that are near to a job file, so that chance gets behind the TOML parser.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "name",
        "source",
        "topic",
        "columns",
        "source.columns.a",
        "type",
        "format",
        "timezone",
        "null_values",
        "keep",
        "csv",
        "escape",
        "required",
        "batches",
        "rows",
        "bytes",
        "max_age",
        "idle",
        "max_reject_ratio",
        "models",
        "features",
        "where",
        "k",
        "seed",
        "tol",
        "max_iter",
        "init",
        "n_init",
        "init_mode",
        "weight_col",
        "algorithm",
        "scope",
        "window",
        "eps",
        "reg_covar",
        "other_columns",
        "\"\"",
        "\"é\"",
    ]);
    let value = prop_oneof![
        "\"\\PC{0,12}\"",
        any::<f64>().prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "\"[0-9.]{0,30} ?[kMGTPEZ]?i?B?\"",
        "\"[0-9]{0,30} ?[a-z]{0,6}\"",
        "\"(%[a-zA-Z0-9:.#+-]{0,3}){0,4}\"",
        prop::sample::select(vec![
            "{}",
            "[]",
            "[{}]",
            "{ type = \"timestamp\" }",
            "{ type = \"timestamp\", format = \"%Y\" }",
            "\"float64\"",
            "[\"a\"]",
            "[{ name = \"a\", sql = \"1\" }]",
            "true",
            "2020-01-01",
            "[[[[]]]]",
            "\"utf8\"",
            "\"dbscan\"",
            "\"window\"",
            "{ last = 3 }",
            "{ by = \"day\", column = \"_timestamp\" }",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        4 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => prop::sample::select(vec!["[source]", "[source.columns]", "[batches]", "[[models]]", "[models]", "# é"]).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}|[\\[\\]{}=\"'.,a-z0-9 \n#\\\\]{0,80}") {
        let _ = Job::parse(&text, "j.toml");
    }

    #[test]
    fn no_lines_panic_and_every_refusal_is_one_line_with_its_place(
        lines in prop::collection::vec(line(), 0..12),
        (topic, columns) in (any::<bool>(), any::<bool>()),
    ) {
        let mut text = String::new();
        if topic {
            text.push_str("name = \"n\"\nsource.topic = \"t\"\n");
        }
        if columns {
            text.push_str("[batches]\n");
        }
        text.push_str(&lines.join("\n"));
        match Job::parse(&text, "j.toml") {
            Ok(job) => {
                let _ = (job.to_string(), serde_json::to_string(&job).unwrap());
            }
            Err(error) => {
                let line = error.place().unwrap().line;
                prop_assert!(line >= 1 && line <= text.matches('\n').count() + 1);
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
            }
        }
    }
}

#[test]
fn formats_that_cannot_be_read_are_refused() {
    for (refusal, expected) in [
        (
            source("format = \"cvs\""),
            r#"j.toml line 5: format in [source] is the text "cvs", but it must be one of "json", "csv", did you mean "csv""#,
        ),
        (
            source("format = \"csv\""),
            "j.toml line 5: format in [source] is the text \"csv\", but nothing names the cells of a row: give a header in [source.csv], or name the columns in [source.columns]",
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    for format in ["", "format = \"json\""] {
        assert_eq!(
            source(&format!("{format}\ncsv = {{ header = [\"a\"] }}")),
            "j.toml line 6: header in [source.csv] is a list, but it names the cells of a topic's rows, and a file has its own header: add format = \"csv\" to [source], or leave it out"
        );
    }
}

#[test]
fn words_for_no_value_and_zones_have_their_rules() {
    for (line, why) in [
        ("null_values = \"NULL\"", "it must be a list of texts"),
        ("null_values = [1]", "is 1, but it must be text in quotes"),
        ("null_values = [\"\"]", "empty text is always null"),
        ("null_values = [\" NA\"]", "without blanks around it"),
        (
            "keep = \"key\"",
            "it must be a list such as [\"key\", \"headers\"]",
        ),
        (
            "keep = [\"value\"]",
            "but it must be one of \"key\", \"headers\"",
        ),
        ("keep = [\"key\", \"key\"]", "it stands there twice"),
        (
            "keep = [\"key\"]\ncolumns._key = { type = \"utf8\" }",
            "it makes a column _key, which the job names as well",
        ),
        (
            "csv = { escape = \"ab\" }",
            "it must be one ASCII character",
        ),
        ("csv = { escape = \",\" }", "but that is the delimiter"),
        (
            "columns.d = { type = \"timestamp\", timezone = \"PST8\" }",
            "is the text \"PST8\", but it must be the name of a timezone",
        ),
        (
            "columns.d = { type = \"timestamp\", format = \"%Y-%m-%dT%H:%M:%SZ\", timezone = \"Asia/Tokyo\" }",
            "says that its times are in UTC: leave timezone out",
        ),
        (
            "columns.d = { type = \"int32\", timezone = \"UTC\" }",
            "only a timestamp has a timezone, and this is int32",
        ),
        (
            "columns.d = { type = \"timestamp\", format = \"%Y-%m-%d %Z\" }",
            "%Z would read any name of a zone as UTC",
        ),
        (
            "columns.d = { type = \"timestamp\", format = \"%Y-%m-%d %H:%M:%S %f\" }",
            "write %S%.f",
        ),
    ] {
        let message = source(line);
        assert!(message.contains(why), "{line}: {message}");
    }
}

#[test]
fn ways_to_write_rows_that_cannot_be_are_refused() {
    let csv = |line: &str| source(&format!("format = \"csv\"\n[source.csv]\n{line}"));
    for (refusal, expected) in [
        (
            csv(""),
            "j.toml line 6: csv in [source] is a table, but nothing names the cells of a row: give a header in [source.csv], or name the columns in [source.columns]",
        ),
        (
            csv("delimeter = \";\""),
            r#"j.toml line 7: unknown key "delimeter" in [source.csv], did you mean "delimiter""#,
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    for (delimiter, found) in [
        (r#""""#, r#"the text """#),
        (r#"", ""#, r#"the text ", ""#),
        (r#""ä""#, r#"the text "ä""#),
        (r#"'"'"#, r#"the text "\"""#),
        (r#""\n""#, r#"the text "\n""#),
        ("9", "9"),
    ] {
        assert_eq!(
            csv(&format!("delimiter = {delimiter}")),
            format!(
                r#"j.toml line 7: delimiter in [source.csv] is {found}, but it must be one ASCII character such as ",", ";" or "\t", but neither a quote nor the end of a line"#
            )
        );
    }
    let list = "it must be a list with the name of each cell, in the order of the cells";
    let columns =
        "[source.columns]\nb = { type = \"utf8\" }\nc = { type = \"utf8\", required = true }";
    for (header, found, why) in [
        ("[]", "an empty list", list),
        (r#""a""#, r#"the text "a""#, list),
        ("[1]", "1", "it must be text in quotes"),
        (r#"[""]"#, r#"the text """#, "a cell needs a name"),
        (
            r#"["a", "b", "a"]"#,
            r#"the text "a""#,
            "that name stands before it in the list",
        ),
        (
            r#"["_offset"]"#,
            r#"the text "_offset""#,
            "_partition, _offset and _timestamp are columns that every batch has: give the cell another name",
        ),
        (
            &format!("[\"a\"]\n{columns}"),
            "a list",
            r#"column "c" is required and not among them, so every record would be rejected"#,
        ),
    ] {
        assert_eq!(
            csv(&format!("header = {header}")),
            format!("j.toml line 7: header in [source.csv] is {found}, but {why}")
        );
    }
}

#[test]
fn a_largest_record_has_a_size() {
    assert_eq!(
        batches("max_record_bytes = 0"),
        "j.toml line 4: max_record_bytes in [batches] is 0, but it must be a size of at least one byte, such as \"64MiB\", \"10MB\" or a whole number of bytes"
    );
}

#[test]
fn promotions_name_what_is_wrong() {
    for (lines, words) in [
        ("promote = \"production\"", "it must be a table"),
        ("promote = { if = \"k = 3\" }", "the alias to move"),
        (
            "promote = { alias = \"production\" }",
            "a condition, such as",
        ),
        (
            "promote = { if = \" \", alias = \"production\" }",
            "it must not be empty",
        ),
        (
            "promote = { if = \"k = 3\", alias = \"latest\" }",
            "has a meaning of its own",
        ),
        ("promote = { if = \"k = 3\", alias = \"7\" }", "is a number"),
        (
            "promote = { iff = \"k = 3\", alias = \"p\" }",
            "did you mean \"if\"",
        ),
        (
            "scope = \"all\"\npromote = { if = \"k = 3\", alias = \"p\" }",
            "the model of a batch",
        ),
    ] {
        let refusal = model(lines);
        assert!(
            refusal.contains(words) && refusal.contains("\"m\""),
            "{refusal}"
        );
    }
}
