//! What one text may ask for: functions and types whose values could be of any size.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::execution::SessionStateDefaults;
use gugus_spec::{ColumnType, Feature, OtherColumns};

use super::files::column;
use crate::growing::is_growing;
use crate::{Expressions, FeaturePlan, PlanError, bounded_functions};

/// Functions that somebody looked at: their results are at most some times as long as their arguments.
const LINEAR: &str = "
    arrow_cast arrow_field arrow_metadata arrow_try_cast arrow_typeof cast_to_type coalesce file_row_index get_field
    greatest input_file_name least named_struct nullif nvl nvl2 overlay struct try_cast_to_type union_extract union_tag
    version with_metadata
    abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh cot degrees exp factorial floor gcd isnan iszero lcm
    ln log log10 log2 nanvl pi power radians random round signum sin sinh sqrt tan tanh trunc
    ascii bit_length chr contains ends_with lower octet_length split_part starts_with to_hex upper uuid
    character_length find_in_set initcap left reverse right substr substr_index translate
    regexp_count regexp_instr regexp_like regexp_match
    current_date current_time date_bin date_part date_trunc from_unixtime make_date make_time now to_char to_date
    to_local_time to_time to_timestamp to_timestamp_micros to_timestamp_millis to_timestamp_nanos to_timestamp_seconds
    to_unixtime
    decode digest encode md5 sha224 sha256 sha384 sha512
    array_add array_any_value array_append array_avg array_compact array_concat array_dims array_distance array_distinct
    array_element array_empty array_except array_has array_has_all array_has_any array_intersect array_length array_max
    array_min array_ndims array_normalize array_pop_back array_pop_front array_position array_positions array_prepend
    array_product array_remove array_remove_all array_remove_n array_replace array_replace_all array_replace_n
    array_reverse array_scale array_slice array_sort array_subtract array_sum array_union arrays_zip cardinality
    cosine_distance empty flatten inner_product make_array map map_entries map_extract map_keys map_values
    string_to_array
";

fn plan(sql: &str) -> Result<FeaturePlan, PlanError> {
    let columns = [
        column("d", ColumnType::Utf8),
        column("n", ColumnType::Int32),
    ];
    let features = [Feature {
        name: "f".to_owned(),
        sql: sql.to_owned(),
    }];
    FeaturePlan::new(
        &columns,
        OtherColumns::Drop,
        &Expressions::features(&features),
    )
}

/// A function that a new DataFusion brings has to be looked at, and goes into this list or into the bounded functions.
#[test]
fn every_function_was_looked_at() {
    let looked_at: Vec<&str> = LINEAR.split_whitespace().collect();
    let all = SessionStateDefaults::default_scalar_functions();
    let bounded = |name: &str| bounded_functions().iter().any(|ours| ours.name() == name);
    let new: Vec<&str> = all
        .iter()
        .map(|function| function.name())
        .filter(|name| !looked_at.contains(name) && !bounded(name))
        .collect();
    assert!(new.is_empty(), "nobody looked at {new:?}");
    assert!(bounded_functions().iter().all(|ours| is_growing(ours)));
}

#[test]
fn what_literals_alone_make_too_large_is_refused_before_it_is_made() {
    for (sql, words) in [
        (
            "n + cardinality(range(0, 1000000000))",
            "range is not offered",
        ),
        ("cardinality(generate_series(0, 1000000000))", "not offered"),
        ("length(repeat('x', 2000000000))", "repeat would make"),
        (
            "length(repeat('x', 2000 * 1000 * 1000))",
            "repeat would make",
        ),
        ("length(lpad(d, 2000000000))", "lpad would make"),
        ("length(rpad('x', 2000000000, d))", "rpad would make"),
        (
            "cardinality(array_repeat(1, 1000000000))",
            "array_repeat would",
        ),
        (
            "cardinality(list_repeat(1, 1000000000))",
            "array_repeat would",
        ),
        (
            "cardinality(array_resize(make_array(n), 1000000000, 1))",
            "array_resize would",
        ),
        (
            "strpos(repeat('a', 30000000), repeat('a', 15000000) || 'b')",
            "repeat would make",
        ),
        (
            "CASE WHEN n > 0 THEN length(repeat('x', 2000000000)) ELSE 0 END",
            "repeat would make",
        ),
        (
            "CASE WHEN CAST(NULL AS INT[1000000000]) IS NULL THEN 1 ELSE 0 END",
            "fixed size",
        ),
        (
            "(arrow_cast(NULL, 'FixedSizeBinary(2000000000)') IS NULL)::int",
            "fixed size",
        ),
        (
            "cardinality(arrow_try_cast(NULL, 'FixedSizeList(2000000000, Int64)'))",
            "fixed size",
        ),
    ] {
        let began = Instant::now();
        let refused = plan(sql).expect_err(sql).to_string();
        assert!(refused.starts_with("feature \"f\""), "{sql}: {refused}");
        assert!(refused.contains(words), "{sql}: {refused}");
        assert!(began.elapsed() < Duration::from_secs(2), "{sql}");
    }
}

#[test]
fn what_rows_make_too_large_is_refused_when_the_rows_are_read() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a".repeat(1_000_000)]));
    let rows = RecordBatch::try_from_iter([("d", text)]).unwrap();
    for (sql, function) in [
        ("length(repeat(d, 3))", "repeat"),
        ("position(d || 'b' IN d || d)", "strpos"),
        ("length(btrim(d, d))", "btrim"),
    ] {
        let failed = plan(sql).unwrap().evaluate(&rows).expect_err(sql);
        let failed = failed.to_string();
        assert!(failed.contains(function), "{sql}: {failed}");
    }
}

#[test]
fn bounded_functions_of_sensible_arguments_work() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["7 up"]));
    let rows = RecordBatch::try_from_iter([("d", text)]).unwrap();
    for (sql, number) in [
        (
            "CAST(lpad('7', 3, '0') AS INT) + length(lpad(d, 9, 'y'))",
            16.0,
        ),
        ("length(repeat('ab', 3) || concat('c', 'd'))", 8.0),
        ("position('up' IN d) + length(btrim(d, '7'))", 6.0),
        ("(coalesce(concat(d, '!'), 'x') = '7 up!')::int", 1.0),
        ("(d IN (concat('7', ' up'), 'x'))::int", 1.0),
        ("cardinality(array_repeat(1, 5))", 5.0),
    ] {
        let features = plan(sql).unwrap().evaluate(&rows).unwrap();
        assert_eq!(features.row(0).unwrap(), [number], "{sql}");
    }
}
