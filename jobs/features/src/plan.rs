//! From the SQL of a job file to physical expressions.
//!
//! Invariant: the expressions of a [`FeaturePlan`] are compiled for its own [`FeaturePlan::schema`]. That schema has
//! only the columns that the expressions read, in the order of the job file. Scans, and the rows of `serve`, are made
//! for that schema.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column as SqlColumn, DFSchema, DataFusionError, SchemaError};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::cast;
use datafusion::prelude::SessionConfig;
use gugus_kmeans_all::Weighting;
use gugus_records::Layout;
use gugus_spec::{
    Column, ColumnType, Feature, Model, Nullability, OtherColumns, RESERVED_COLUMNS, Scope, Source,
    quote_identifier,
};

use crate::deadline::planned;
use crate::error::PlanError;
use crate::growing::{self, is_growing};
use crate::guards::{Place, guarded};
use crate::limits::{
    MOST_GROWING, TooLarge, check_parsed, check_planned, check_terms, check_text, check_types,
    is_too_deep,
};
use crate::named::{Name, Named};

/// The expressions of one model, as text.
#[derive(Clone, Debug)]
pub struct Expressions<'a> {
    /// The condition on rows (`where`). Without a condition all rows count.
    pub condition: Option<&'a str>,
    /// The features, in order.
    pub features: &'a [Feature],
    /// The column that holds each row's weight.
    pub weight_col: Option<&'a str>,
    /// The window of a row (`scope = "window"`): a value of any type, whose text counts.
    pub key: Option<Cow<'a, str>>,
}

impl<'a> Expressions<'a> {
    /// Only features, without condition, weight and window. A prediction needs no more.
    #[must_use]
    pub fn features(features: &'a [Feature]) -> Self {
        Self {
            condition: None,
            features,
            weight_col: None,
            key: None,
        }
    }
}

impl<'a> From<&'a Model> for Expressions<'a> {
    fn from(model: &'a Model) -> Self {
        Self {
            condition: model.condition.as_deref(),
            features: &model.features,
            weight_col: model.weight_col.as_deref(),
            key: match &model.scope {
                Scope::Window(window) => window.key_sql().map(Cow::Owned),
                Scope::Batch | Scope::All => None,
            },
        }
    }
}

/// A named expression of type `Float64`.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub(crate) name: String,
    pub(crate) expression: Arc<dyn PhysicalExpr>,
}

/// The compiled expressions of one model.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    columns: Vec<Column>,
    undeclared: Vec<String>,
    schema: SchemaRef,
    pub(crate) condition: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) features: Vec<Number>,
    pub(crate) weight: Option<Number>,
    pub(crate) key: Option<Arc<dyn PhysicalExpr>>,
}

impl FeaturePlan {
    /// Plans `expressions` over `columns`. With [`OtherColumns::Utf8`], a column that is in the SQL but not in `columns` counts
    /// as one of the other columns of the stream, which are text.
    ///
    /// # Errors
    /// [`PlanError`] names the expression and the mistake. The expression does not parse, names something that is not
    /// there, or depends on something other than the row. Or its type is wrong: features and weight must be numbers,
    /// `where` must be a condition.
    pub fn new(
        columns: &[Column],
        other: OtherColumns,
        expressions: &Expressions<'_>,
    ) -> Result<Self, PlanError> {
        if expressions.features.is_empty() {
            return Err(PlanError::NoFeatures);
        }
        // The planner's thread may outlive this call, so it takes the texts with it.
        let columns = columns.to_vec();
        let features = expressions.features.to_vec();
        let texts = [expressions.condition, expressions.weight_col];
        let texts = texts.map(|text| text.map(str::to_owned));
        let key = expressions.key.clone().map(Cow::into_owned);
        planned(move || {
            let [condition, weight_col] = &texts;
            let expressions = Expressions {
                condition: condition.as_deref(),
                features: &features,
                weight_col: weight_col.as_deref(),
                key: key.map(Cow::Owned),
            };
            Self::compile(&columns, other, &expressions)
        })
    }

    fn compile(
        columns: &[Column],
        other: OtherColumns,
        expressions: &Expressions<'_>,
    ) -> Result<Self, PlanError> {
        let mut known = columns.to_vec();
        if expressions.key.is_some() {
            known.push(record_timestamp());
        }
        let declared = known.len();
        let mut read = BTreeSet::new();
        let mut parsed = |place: String, sql: &str| {
            let name = Name {
                place,
                sql: sql.to_owned(),
            };
            Parsed::new(name, &mut known, other, &mut read)
        };
        let mut place = |place: &str, sql: Option<&str>| {
            sql.map(|sql| parsed(place.to_owned(), sql)).transpose()
        };
        let condition = place("where", expressions.condition)?;
        let features = expressions
            .features
            .iter()
            .map(|f| {
                let parsed = place(&format!("feature \"{}\"", f.name), Some(&f.sql))?;
                Ok(parsed.map(|parsed| (f.name.clone(), parsed)))
            })
            .filter_map(Result::transpose)
            .collect::<Result<Vec<_>, PlanError>>()?;
        let weight = expressions.weight_col.map(quote_identifier);
        let weight = place("weight_col", weight.as_deref())?;
        let key = place("window", expressions.key.as_deref())?;

        let undeclared = known.split_off(declared);
        let undeclared: Vec<Column> = undeclared
            .into_iter()
            .filter(|c| read.contains(&c.name))
            .collect();
        let names = undeclared.iter().map(|c| c.name.clone()).collect();
        let columns: Vec<Column> = known
            .into_iter()
            .filter(|c| read.contains(&c.name))
            .chain(undeclared)
            .collect();
        let schema = Arc::new(schema_of(&columns));
        let number = |(name, parsed): (String, Parsed)| {
            let expression = parsed.number(&schema)?;
            Ok::<_, PlanError>(Number { name, expression })
        };
        let weight = weight.map(|weight| ("the weight".to_owned(), weight));
        Ok(Self {
            condition: condition
                .map(|parsed| parsed.condition(&schema))
                .transpose()?,
            features: features.into_iter().map(number).collect::<Result<_, _>>()?,
            weight: weight.map(number).transpose()?,
            key: key.map(|parsed| parsed.text(&schema)).transpose()?,
            undeclared: names,
            columns,
            schema,
        })
    }

    /// The columns that the expressions read, in the order of the job file, other columns after them.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of the columns that the job file does not have. Each counts as one of the other columns of the stream,
    /// which are text. Only the batches show whether they have such a column.
    #[must_use]
    pub fn undeclared(&self) -> &[String] {
        &self.undeclared
    }

    /// The Arrow schema of [`Self::columns`].
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many features there are.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// Whether the rows have weights.
    #[must_use]
    pub fn weighting(&self) -> Weighting {
        match self.weight {
            None => Weighting::Uniform,
            Some(_) => Weighting::LastColumn,
        }
    }
}

/// An expression that names only known columns and depends on its row only.
pub(crate) struct Parsed {
    name: Name,
    expression: Expr,
}

impl Parsed {
    pub(crate) fn new(
        name: Name,
        known: &mut Vec<Column>,
        other: OtherColumns,
        read: &mut BTreeSet<String>,
    ) -> Result<Self, PlanError> {
        let too_large = |source| name.too_large(source);
        check_text(&name.sql).map_err(too_large)?;
        let dialect = PLANNER.config().options().sql_parser.dialect;
        let text = PLANNER.sql_to_expr_with_alias(&name.sql, &dialect);
        let text = text.map_err(|error| match is_too_deep(&error) {
            true => too_large(TooLarge::Nested),
            false => name.wrong(error),
        })?;
        check_parsed(&text.expr).map_err(too_large)?;
        let expression = loop {
            let schema = DFSchema::try_from(schema_of(known)).map_err(|e| name.wrong(e))?;
            match PLANNER.create_logical_expr_from_sql_expr(text.clone(), &schema) {
                Ok(expression) => break expression,
                Err(error) => match (missing_column(&error), other) {
                    (Some(missing), OtherColumns::Utf8)
                        if known.iter().all(|c| c.name != missing) =>
                    {
                        known.push(Column {
                            name: missing,
                            data_type: ColumnType::Utf8,
                            nullability: Nullability::Optional,
                        })
                    }
                    _ => return Err(name.wrong(error)),
                },
            }
        };
        check_terms(&expression).map_err(too_large)?;
        check_types(&expression).map_err(too_large)?;
        let expression = growing::bounded(expression).map_err(|error| name.wrong(error))?;
        let parsed = Self { name, expression };
        parsed
            .refuse_what_is_not_of_the_row()
            .map_err(|error| parsed.name.wrong(error))??;
        let columns = parsed.expression.column_refs();
        read.extend(columns.into_iter().map(|c| c.name.clone()));
        Ok(parsed)
    }

    fn refuse_what_is_not_of_the_row(&self) -> Result<Result<(), PlanError>, DataFusionError> {
        let (mut refused, mut growing) = (None, 0);
        self.expression.apply(|node| {
            let function = match node {
                Expr::ScalarFunction(f) => {
                    // Our replacements say that they are volatile only to be left alone by the planner.
                    let ours = is_growing(&f.func);
                    growing += usize::from(ours);
                    // A stable function without arguments (`now()`, `current_date()`) reads the clock or the session.
                    let volatility = f.func.signature().volatility;
                    let changes = (volatility == Volatility::Volatile && !ours)
                        || (volatility == Volatility::Stable && f.args.is_empty());
                    changes.then(|| format!("function {}", f.func.name()))
                }
                Expr::AggregateFunction(f) => {
                    Some(format!("aggregate {} over other rows", f.func.name()))
                }
                Expr::WindowFunction(_) => Some("a window over other rows".to_owned()),
                Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
                    Some("a subquery".to_owned())
                }
                _ => None,
            };
            refused = function;
            Ok(if refused.is_some() {
                TreeNodeRecursion::Stop
            } else {
                TreeNodeRecursion::Continue
            })
        })?;
        Ok(match refused {
            None if growing > MOST_GROWING => Err(self.name.too_large(TooLarge::Growing(growing))),
            None => Ok(()),
            Some(function) => Err(PlanError::NotRepeatable {
                place: self.name.place.clone(),
                sql: self.name.sql.clone(),
                function,
            }),
        })
    }

    /// As a physical expression over `schema`, with the type it has there.
    fn physical(
        &self,
        schema: &SchemaRef,
        place: Place,
    ) -> Result<(Arc<dyn PhysicalExpr>, DataType), PlanError> {
        let wrong = |source: DataFusionError| self.name.wrong(source);
        let schema = DFSchema::try_from(Arc::clone(schema)).map_err(wrong)?;
        let config = Arc::clone(PLANNER.config_options());
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_config_options(config)
            .build();
        let simplifier = ExprSimplifier::new(context);
        // Some functions must be simplified before they can run. For example, coalesce has no code of its own and
        // becomes CASE.
        let expression = simplifier
            .coerce(self.expression.clone(), &schema)
            .and_then(|expression| simplifier.simplify(expression))
            .map_err(wrong)?;
        // Only now `1000 * 1000 * 1000` is a literal.
        growing::check_literals(&expression)
            .map_err(wrong)?
            .map_err(|source| self.name.too_large(source))?;
        let expression = guarded(expression, place, &schema)
            .and_then(|expression| PLANNER.create_physical_expr(expression, &schema))
            .map_err(wrong)?;
        check_planned(&expression).map_err(|source| self.name.too_large(source))?;
        let found = expression.data_type(schema.as_arrow()).map_err(wrong)?;
        Ok((expression, found))
    }

    /// The expression under its name.
    fn named(self, expression: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        Arc::new(Named::new(self.name, expression))
    }

    pub(crate) fn condition(self, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>, PlanError> {
        match self.physical(schema, Place::Condition)? {
            (expression, DataType::Boolean) => Ok(self.named(expression)),
            (_, found) => Err(self.wrong_type(
                found,
                "a condition is wanted, such as `\"LAT\" <> 0`".to_owned(),
            )),
        }
    }

    fn number(self, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>, PlanError> {
        let (expression, found) = self.physical(schema, Place::Value)?;
        if !(found.is_numeric() || found == DataType::Boolean) {
            return Err(self.wrong_type(found, self.number_wanted()));
        }
        let number = cast(expression, schema, DataType::Float64);
        let number = number.map_err(|source| self.name.wrong(source))?;
        Ok(self.named(number))
    }

    fn text(self, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>, PlanError> {
        let (expression, found) = self.physical(schema, Place::Value)?;
        match cast(expression, schema, DataType::Utf8) {
            Ok(text) => Ok(self.named(text)),
            Err(_) => {
                let wanted =
                    "something with a text is wanted, such as to_char(\"DATE OCC\", '%Y-%m')";
                Err(self.wrong_type(found, wanted.to_owned()))
            }
        }
    }

    fn number_wanted(&self) -> String {
        match &self.expression {
            Expr::Column(SqlColumn { name, .. }) => {
                format!(
                    "a number is wanted: give column \"{name}\" a numeric type in [source.columns]"
                )
            }
            _ => "a number is wanted: CAST it or use CASE".to_owned(),
        }
    }

    fn wrong_type(&self, found: DataType, wanted: String) -> PlanError {
        PlanError::Type {
            place: self.name.place.clone(),
            sql: self.name.sql.clone(),
            found,
            wanted,
        }
    }
}

impl Name {
    fn wrong(&self, source: DataFusionError) -> PlanError {
        PlanError::Sql {
            place: self.place.clone(),
            sql: self.sql.clone(),
            source: Box::new(source),
        }
    }

    fn too_large(&self, source: TooLarge) -> PlanError {
        PlanError::TooLarge {
            place: self.place.clone(),
            source,
        }
    }
}

/// The session that plans expressions. It has no tables and no configuration from outside, so all processes plan alike.
static PLANNER: LazyLock<SessionState> = LazyLock::new(|| {
    // As in Ballista, text is Utf8 everywhere, because views do not travel well over Flight.
    let config =
        SessionConfig::new().set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false);
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .build();
    for function in growing::bounded_functions() {
        // Registering fails only if the registry takes no functions. This registry takes them.
        let _ = state.register_udf(Arc::clone(function));
    }
    state
});

/// The time of the record itself. Windows may be cut by it, too.
fn record_timestamp() -> Column {
    Column {
        name: RESERVED_COLUMNS[2].to_owned(),
        data_type: ColumnType::TIMESTAMP,
        nullability: Nullability::Optional,
    }
}

/// The Arrow fields of `columns`, typed as ingest types them. All are nullable: a batch may lack a column.
pub(crate) fn schema_of(columns: &[Column]) -> Schema {
    let source = Source {
        columns: columns.to_vec(),
        other_columns: OtherColumns::Drop,
        ..Source::default()
    };
    let typed = Layout::new(&source);
    Schema::new(
        typed
            .fields()
            .iter()
            .map(|field| field.clone().with_nullable(true))
            .collect::<Vec<Field>>(),
    )
}

/// The missing column, if the planning error is about a missing column.
fn missing_column(error: &DataFusionError) -> Option<String> {
    match error {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(field.name.clone()),
            _ => None,
        },
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => {
            missing_column(inner)
        }
        DataFusionError::Collection(all) => all.first().and_then(missing_column),
        _ => None,
    }
}
