//! Functions whose result may be much longer than their arguments, such as `repeat`.
//!
//! A number in an expression must not decide how much memory a process takes. So [`Growing`] replaces these functions.
//! It computes the size of the result first and fails if the result is too large. Executors find the replacements by
//! the same names.
//!
//! DataFusion folds constants while it plans, in the process that plans. But it does not fold volatile functions, so
//! [`Growing`] calls itself volatile. Then no function makes anything large before rows are read. [`check_literals`] refuses
//! calls whose literals alone ask for too much.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{ExprSchema, Result, exec_err};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::limits::{MOST_BYTES, MOST_OF_ROW, TooLarge};

/// The size of a result for one row, by the sizes of the arguments.
type SizeOf = fn(&[u64]) -> u64;

/// The functions, each with the size of its result for one row. Text counts with its length in bytes, and a number with
/// its value.
const GROWING: &[(&str, SizeOf)] = &[
    ("repeat", |of| product(of, 0, 1)),
    ("lpad", |of| at(of, 1).saturating_mul(4)),
    ("rpad", |of| at(of, 1).saturating_mul(4)),
    ("replace", |of| {
        let places = at(of, 0) / at(of, 1).max(1);
        at(of, 0).saturating_add(places.saturating_mul(at(of, 2)))
    }),
    ("regexp_replace", |of| {
        let places = at(of, 0).saturating_add(1);
        places.saturating_mul(at(of, 2).saturating_add(1))
    }),
    ("concat", sum),
    ("concat_ws", |of| {
        let separators = at(of, 0).saturating_mul(of.len() as u64);
        sum(of).saturating_add(separators)
    }),
    ("array_repeat", |of| {
        at(of, 0).saturating_add(8).saturating_mul(at(of, 1))
    }),
    ("array_resize", |of| at(of, 1).saturating_mul(16)),
    ("array_to_string", |of| {
        at(of, 0).saturating_mul(at(of, 1).saturating_add(1))
    }),
    // The result is short, but computing it takes a step for each pair of characters.
    ("levenshtein", |of| product(of, 0, 1) / 16),
    // These compare many bytes in one step.
    ("strpos", |of| product(of, 0, 1) / 256),
    ("btrim", |of| product(of, 0, 1) / 256),
    ("ltrim", |of| product(of, 0, 1) / 256),
    ("rtrim", |of| product(of, 0, 1) / 256),
];

/// Functions that list all values between two values. How long the list is shows only when it is made.
const REFUSED: &[&str] = &["range", "generate_series"];

fn at(of: &[u64], index: usize) -> u64 {
    of.get(index).copied().unwrap_or(0)
}

fn product(of: &[u64], a: usize, b: usize) -> u64 {
    at(of, a).saturating_mul(at(of, b))
}

fn sum(of: &[u64]) -> u64 {
    of.iter().fold(0, |sum, size| sum.saturating_add(*size))
}

static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    let all = SessionStateDefaults::default_scalar_functions();
    let growing = all.into_iter().filter(|function| {
        let name = function.name();
        REFUSED.contains(&name) || GROWING.iter().any(|(growing, _)| *growing == name)
    });
    growing
        .map(|inner| Arc::new(ScalarUDF::from(Growing::new(inner))))
        .collect()
});

/// Our replacements for functions of DataFusion whose results may be much longer than their arguments. Every session
/// that plans or runs foreign text has to register them.
#[must_use]
pub fn bounded_functions() -> &'static [Arc<ScalarUDF>] {
    &FUNCTIONS
}

/// The function of this name, if it is one of ours.
pub(crate) fn function(name: &str) -> Option<Arc<ScalarUDF>> {
    let mut all = FUNCTIONS.iter();
    all.find(|function| function.name() == name).cloned()
}

/// Whether the function is one of our replacements.
pub(crate) fn is_growing(function: &ScalarUDF) -> bool {
    let inner: &dyn std::any::Any = function.inner().as_ref();
    inner.is::<Growing>()
}

/// The expression with our replacements. DataFusion's planner calls some functions not by name, as for `POSITION(a IN b)`.
pub(crate) fn bounded(expression: Expr) -> Result<Expr> {
    let replaced = expression.transform_up(|node| match node {
        Expr::ScalarFunction(mut call) if !is_growing(&call.func) => {
            match function(call.func.name()) {
                Some(ours) => {
                    call.func = ours;
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                None => Ok(Transformed::no(Expr::ScalarFunction(call))),
            }
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

/// Refuses calls whose literals alone make the result too large, such as `repeat('x', 2000000000)`.
pub(crate) fn check_literals(expression: &Expr) -> Result<Result<(), TooLarge>> {
    let mut refused = Ok(());
    expression.apply(|node| {
        if let Expr::ScalarFunction(call) = node
            && is_growing(&call.func)
        {
            refused = of_literals(call.func.name(), &call.args)?;
        }
        Ok(if refused.is_ok() {
            TreeNodeRecursion::Continue
        } else {
            TreeNodeRecursion::Stop
        })
    })?;
    Ok(refused)
}

/// The size of a call as far as literals decide it. Other arguments may be empty, so they count as nothing.
fn of_literals(name: &str, args: &[Expr]) -> Result<Result<(), TooLarge>> {
    if let Some(refused) = REFUSED.iter().find(|refused| **refused == name) {
        return Ok(Err(TooLarge::NotOffered(refused)));
    }
    let sizes = args.iter().map(|arg| match arg {
        Expr::Literal(literal, _) => {
            Sizes::of(&ColumnarValue::Scalar(literal.clone()), 1).map(|sizes| sizes.at(0))
        }
        _ => Ok(0),
    });
    let sizes: Vec<u64> = sizes.collect::<Result<_>>()?;
    let growing = GROWING.iter().find(|(growing, _)| *growing == name);
    Ok(match growing {
        Some((name, size)) if size(&sizes) > MOST_OF_ROW => Err(TooLarge::Result(name)),
        _ => Ok(()),
    })
}

/// A function of DataFusion with a limit to its result.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Growing {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl Growing {
    fn new(inner: Arc<ScalarUDF>) -> Self {
        let mut signature = inner.signature().clone();
        signature.volatility = Volatility::Volatile;
        Self { inner, signature }
    }

    fn check(&self, args: &ScalarFunctionArgs) -> Result<()> {
        let name = self.inner.name();
        let Some((name, size)) = GROWING.iter().find(|(growing, _)| *growing == name) else {
            return exec_err!("{name} is not offered, because its list may be of any length");
        };
        let sizes: Vec<Sizes> = args
            .args
            .iter()
            .map(|arg| Sizes::of(arg, args.number_rows))
            .collect::<Result<_>>()?;
        let scalar = sizes.iter().all(|of| matches!(of, Sizes::Same(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let mut of_row = Vec::with_capacity(sizes.len());
        let mut total = 0_u64;
        for row in 0..rows {
            of_row.clear();
            of_row.extend(sizes.iter().map(|of| of.at(row)));
            let of_this = size(&of_row);
            total = total.saturating_add(of_this);
            if of_this > MOST_OF_ROW || total > MOST_BYTES {
                return exec_err!("{}", TooLarge::Result(name));
            }
        }
        Ok(())
    }
}

/// The size of an argument in each row.
enum Sizes {
    Same(u64),
    Each(Vec<u64>),
}

impl Sizes {
    fn of(value: &ColumnarValue, rows: usize) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Scalar(scalar) => {
                let sizes = each(scalar.to_array()?.as_ref(), 1)?;
                Self::Same(sizes.first().copied().unwrap_or(0))
            }
            ColumnarValue::Array(array) => Self::Each(each(array.as_ref(), rows)?),
        })
    }

    fn at(&self, row: usize) -> u64 {
        match self {
            Self::Same(size) => *size,
            Self::Each(sizes) => sizes.get(row).copied().unwrap_or(0),
        }
    }
}

fn each(array: &dyn Array, rows: usize) -> Result<Vec<u64>> {
    let length = |text: Option<&str>| text.map_or(0, |text| text.len() as u64);
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(length).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(length).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(length).collect(),
        integer if integer.is_integer() => {
            let numbers = cast(array, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            let size = |number: Option<i64>| u64::try_from(number.unwrap_or(0)).unwrap_or(0);
            numbers.iter().map(size).collect()
        }
        // For lists and other values that are repeated: the average size of a row.
        _ => {
            let bytes = array.get_buffer_memory_size() / rows.max(1) + 8;
            vec![bytes as u64; array.len()]
        }
    })
}

impl ScalarUDFImpl for Growing {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn is_nullable(&self, args: &[Expr], schema: &dyn ExprSchema) -> bool {
        #[allow(deprecated)]
        self.inner.inner().is_nullable(args, schema)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // The simpler form may be a call of another function of DataFusion, which would have no limit.
        let _ = context;
        Ok(ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&args)?;
        self.inner.invoke_with_args(args)
    }
}
