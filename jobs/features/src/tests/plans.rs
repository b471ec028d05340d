//! What SQL is taken and what is refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use gugus_spec::{Column, ColumnType, Feature, Nullability, OtherColumns};

use crate::{Expressions, FeaturePlan, PlanError};

fn columns() -> Vec<Column> {
    [
        ("LAT", ColumnType::Float64),
        ("Crm Cd", ColumnType::Int32),
        ("AREA NAME", ColumnType::Utf8),
    ]
    .into_iter()
    .map(|(name, data_type)| Column {
        name: name.into(),
        data_type,
        nullability: Nullability::Optional,
    })
    .collect()
}

fn feature(sql: &str) -> Vec<Feature> {
    vec![Feature {
        name: "f".into(),
        sql: sql.into(),
    }]
}

fn plan(sql: &str, other: OtherColumns) -> Result<FeaturePlan, PlanError> {
    FeaturePlan::new(&columns(), other, &Expressions::features(&feature(sql)))
}

fn refusal(sql: &str) -> String {
    plan(sql, OtherColumns::Drop).expect_err(sql).to_string()
}

fn rows() -> RecordBatch {
    RecordBatch::try_from_iter([
        (
            "Crm Cd",
            Arc::new(Int32Array::from(vec![Some(510), Some(624), None])) as ArrayRef,
        ),
        (
            "LAT",
            Arc::new(Float64Array::from(vec![
                Some(34.0),
                Some(f64::NAN),
                Some(f64::INFINITY),
            ])) as ArrayRef,
        ),
        (
            "Weapon",
            Arc::new(StringArray::from(vec![Some("knife"), None, Some("gun")])) as ArrayRef,
        ),
    ])
    .unwrap()
}

#[test]
fn expressions_read_only_the_columns_they_name() {
    let plan = plan(
        "CASE WHEN floor(\"Crm Cd\" / 100) = 5 THEN 1.0 ELSE 0.0 END",
        OtherColumns::Drop,
    )
    .unwrap();
    let names: Vec<&str> = plan.columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["Crm Cd"]);
    let features = plan.evaluate(&rows()).unwrap();
    assert_eq!(features.row(0).unwrap(), [1.0]);
    assert_eq!(features.row(1).unwrap(), [0.0]);
}

#[test]
fn other_columns_are_text_where_the_job_keeps_them() {
    let sql = "CASE WHEN \"Weapon\" = 'gun' THEN 1 ELSE 0 END";
    let plan = plan(sql, OtherColumns::Utf8).unwrap();
    assert_eq!(plan.columns()[0].data_type, ColumnType::Utf8);
    assert_eq!(plan.evaluate(&rows()).unwrap().row(2).unwrap(), [1.0]);
    assert!(refusal(sql).contains("Weapon"), "{}", refusal(sql));
}

#[test]
fn a_record_without_a_usable_number_names_the_feature() {
    let features = plan("\"LAT\"", OtherColumns::Drop)
        .unwrap()
        .evaluate(&rows())
        .unwrap();
    assert_eq!(features.row(0).unwrap(), [34.0]);
    assert_eq!(features.row(1).unwrap_err().found, "NaN");
    assert_eq!(features.row(2).unwrap_err().found, "infinite");
    let features = plan("\"Crm Cd\"", OtherColumns::Drop)
        .unwrap()
        .evaluate(&rows())
        .unwrap();
    assert_eq!(
        features.row(2).unwrap_err().to_string(),
        "feature \"f\" is null; every feature of a record needs a finite number"
    );
}

#[test]
fn a_column_that_is_not_in_the_rows_is_null() {
    let features = plan("coalesce(\"AREA NAME\", 'x') = 'x'", OtherColumns::Drop)
        .unwrap()
        .evaluate(&rows())
        .unwrap();
    assert_eq!(features.row(0).unwrap(), [1.0]);
}

#[test]
fn what_does_not_depend_on_the_row_only_is_refused() {
    for (sql, word) in [
        ("random()", "random"),
        ("\"LAT\" + extract(year from now())", "now"),
        ("avg(\"LAT\")", "avg"),
        ("\"LAT\" - lag(\"LAT\") over ()", "window"),
    ] {
        let text = refusal(sql);
        assert!(
            text.starts_with("feature \"f\"") && text.contains(word),
            "{sql}: {text}"
        );
    }
}

#[test]
fn what_is_no_number_or_does_not_plan_is_refused_with_advice() {
    for (sql, advice) in [
        (
            "\"AREA NAME\"",
            "give column \"AREA NAME\" a numeric type in [source.columns]",
        ),
        ("\"AREA NAME\" || 'x'", "CAST it"),
        ("\"LAT\" div 2", "floor(a / b)"),
        ("\"LATT\"", "LATT"),
        ("nosuchfunction(\"LAT\")", "nosuchfunction"),
        ("\"LAT\" +", "does not plan"),
    ] {
        let text = refusal(sql);
        assert!(
            text.contains(advice) && !text.contains('\n'),
            "{sql}: {text}"
        );
    }
}

#[test]
fn a_condition_has_to_be_one() {
    let features = feature("\"LAT\"");
    let with = |condition| Expressions {
        condition: Some(condition),
        features: &features,
        weight_col: None,
        key: None,
    };
    assert!(FeaturePlan::new(&columns(), OtherColumns::Drop, &with("\"LAT\" <> 0")).is_ok());
    let error = FeaturePlan::new(&columns(), OtherColumns::Drop, &with("\"LAT\" + 1")).unwrap_err();
    assert!(
        error.to_string().contains("a condition is wanted"),
        "{error}"
    );
}
