//! A condition over named numbers, such as the metrics of a model: `silhouette >= 0.4 and drift <= 0.2`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use gugus_spec::{Column, ColumnType, Nullability, OtherColumns};

use crate::deadline::planned;
use crate::error::{EvaluateError, PlanError};
use crate::named::Name;
use crate::plan::{Parsed, schema_of};

/// An SQL condition over numbers, compiled.
#[derive(Clone, Debug)]
pub struct Condition {
    sql: String,
    reads: BTreeSet<String>,
    schema: SchemaRef,
    expression: Arc<dyn PhysicalExpr>,
}

impl Condition {
    /// Compiles a condition over these numbers. `place` says in messages where it stands.
    ///
    /// # Errors
    /// [`PlanError`] where it does not parse, reads something else, or is no condition.
    pub fn new(place: &str, sql: &str, numbers: &[&str]) -> Result<Self, PlanError> {
        let name = Name {
            place: place.to_owned(),
            sql: sql.to_owned(),
        };
        let mut columns: Vec<Column> = numbers.iter().map(|name| column(name)).collect();
        planned(move || {
            let sql = name.sql.clone();
            let mut reads = BTreeSet::new();
            let parsed = Parsed::new(name, &mut columns, OtherColumns::Drop, &mut reads)?;
            let schema = Arc::new(schema_of(&columns));
            Ok(Self {
                expression: parsed.condition(&schema)?,
                sql,
                reads,
                schema,
            })
        })
    }

    /// The text.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Whether the condition reads this number.
    #[must_use]
    pub fn reads(&self, number: &str) -> bool {
        self.reads.contains(number)
    }

    /// Whether the condition is true of these numbers. A number that is not given is null, and a comparison with null is
    /// not true.
    ///
    /// # Errors
    /// [`EvaluateError`] where an expression fails on the numbers.
    pub fn holds(&self, numbers: &[(&str, f64)]) -> Result<bool, EvaluateError> {
        let failed = |reason: String| EvaluateError::Condition { reason };
        let columns = self.schema.fields().iter().map(|field| {
            let given = numbers.iter().find(|(name, _)| name == field.name());
            let number = given.map(|(_, number)| *number);
            Arc::new(Float64Array::from(vec![number])) as ArrayRef
        });
        let row = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())
            .map_err(|error| failed(error.to_string()))?;
        let answer = self.expression.evaluate(&row);
        let answer = answer.and_then(|answer| answer.into_array(1));
        let answer = answer.map_err(|error| failed(error.strip_backtrace()))?;
        let answer = answer.as_boolean_opt();
        Ok(answer.is_some_and(|answer| answer.is_valid(0) && answer.value(0)))
    }
}

fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        data_type: ColumnType::Float64,
        nullability: Nullability::Optional,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [&str; 4] = ["silhouette", "drift", "rows", "k"];

    fn holds(sql: &str) -> bool {
        let condition = Condition::new("promote.if", sql, &NUMBERS).unwrap();
        let numbers = [("silhouette", 0.5), ("rows", 100.0), ("k", 3.0)];
        condition.holds(&numbers).unwrap()
    }

    #[test]
    fn conditions_over_numbers() {
        for sql in [
            "silhouette >= 0.5",
            "silhouette > 0.4 and rows = 100",
            "rows < 5 OR k <= 3",
            "not (drift > 0.2) or k = 3",
            "drift is null",
        ] {
            assert!(holds(sql), "{sql}");
        }
        for sql in [
            "silhouette > 0.5",
            "silhouette >= 0.5 and drift <= 0.2",
            "not (drift > 0.2)",
            "rows <> 100",
        ] {
            assert!(!holds(sql), "{sql}");
        }
    }

    #[test]
    fn a_condition_knows_what_it_reads() {
        let condition = Condition::new("x", "silhouette > 0.4 and k = 3", &NUMBERS).unwrap();
        let reads = NUMBERS.map(|number| condition.reads(number));
        assert_eq!(reads, [true, false, false, true]);
    }

    #[test]
    fn other_texts_are_refused_with_words() {
        for (sql, words) in [
            ("silhouete > 0.4", "silhouette"),
            ("silhouette", "a condition is wanted"),
            ("silhouette >", "does not plan"),
            ("random() > 0.5", "random"),
        ] {
            let refused = Condition::new("promote.if", sql, &NUMBERS).unwrap_err();
            let refused = refused.to_string();
            assert!(refused.starts_with("promote.if: "), "{refused}");
            assert!(refused.contains(words), "{refused}");
        }
    }
}
