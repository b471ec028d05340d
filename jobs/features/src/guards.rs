//! Guards such as `n > 0 AND 100 / n < 60`.
//!
//! Spark computes the right side of `AND` only in rows where the left side is not false, and the right side of `OR` only where
//! the left side is not true. DataFusion computes both sides for all rows at once, so the guard does not keep the division
//! from failing. Here, a right side that may fail moves into a `CASE`, whose branches are computed only for their rows.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, lit};

/// A chain of more nodes than this is not written twice. If guards were nested in guards, each level would double the
/// chain.
const MOST_TWICE: usize = 256;

/// The expression with guards. Where `place` says so, null counts as false.
pub(crate) fn guarded(expression: Expr, place: Place, schema: &DFSchema) -> Result<Expr> {
    Guards { schema }.of(expression, place)
}

/// The place of an expression, which decides what null means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `where` or `WHEN`: null counts as false.
    Condition,
    /// Elsewhere: null is null.
    Value,
}

struct Guards<'a> {
    schema: &'a DFSchema,
}

impl Guards<'_> {
    fn of(&self, expression: Expr, place: Place) -> Result<Expr> {
        match expression {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if matches!(op, Operator::And | Operator::Or) =>
            {
                let mut terms = vec![*right];
                let mut rest = *left;
                while let Expr::BinaryExpr(BinaryExpr {
                    left,
                    op: same,
                    right,
                }) = rest
                {
                    if same != op {
                        rest = binary(*left, same, *right);
                        break;
                    }
                    terms.push(*right);
                    rest = *left;
                }
                terms.push(rest);
                terms.reverse();
                self.chain(terms, op, place)
            }
            Expr::Case(Case {
                expr: None,
                when_then_expr,
                else_expr,
            }) => {
                let branch = |(when, then): (Box<Expr>, Box<Expr>)| {
                    let when = self.of(*when, Place::Condition)?;
                    Ok((Box::new(when), Box::new(self.of(*then, Place::Value)?)))
                };
                let branches = when_then_expr.into_iter().map(branch);
                let otherwise = else_expr.map(|otherwise| self.of(*otherwise, Place::Value));
                Ok(Expr::Case(Case {
                    expr: None,
                    when_then_expr: branches.collect::<Result<_>>()?,
                    else_expr: otherwise.transpose()?.map(Box::new),
                }))
            }
            other => {
                let child = |child| self.of(child, Place::Value).map(Transformed::yes);
                Ok(other.map_children(child)?.data)
            }
        }
    }

    /// Guards the terms of a chain of one operator.
    fn chain(&self, terms: Vec<Expr>, op: Operator, place: Place) -> Result<Expr> {
        let mut safe = 1;
        while safe < terms.len() && !self.may_fail(&terms[safe])? {
            safe += 1;
        }
        let terms = terms.into_iter().map(|term| self.of(term, place));
        let mut terms: Vec<Expr> = terms.collect::<Result<_>>()?;
        let guarded = terms.split_off(safe);
        let Some(first) = joined(terms, op) else {
            return Ok(lit(op == Operator::And));
        };
        if guarded.is_empty() {
            return Ok(first);
        }
        let mut terms = vec![first];
        terms.extend(guarded);
        // The first term that decides the result ends the chain. So ELSE sees only rows that no term decided.
        let decided = lit(op == Operator::Or);
        let (decides, otherwise): (fn(Box<Expr>) -> Expr, _) = match (place, op) {
            (Place::Condition, Operator::And) => (Expr::IsNotTrue, terms.pop()),
            (Place::Condition, _) => (Expr::IsTrue, terms.pop()),
            (Place::Value, op) => {
                let both = joined(terms.clone(), op).unwrap_or_else(|| decided.clone());
                if nodes(&both)? > MOST_TWICE {
                    return Ok(both);
                }
                let decides = match op {
                    Operator::And => Expr::IsFalse as fn(_) -> _,
                    _ => Expr::IsTrue,
                };
                (decides, Some(both))
            }
        };
        let branch = |term| (Box::new(decides(Box::new(term))), Box::new(decided.clone()));
        Ok(Expr::Case(Case {
            expr: None,
            when_then_expr: terms.into_iter().map(branch).collect(),
            else_expr: otherwise.map(Box::new),
        }))
    }

    /// Whether the expression may fail on a row.
    fn may_fail(&self, expression: &Expr) -> Result<bool> {
        let is =
            |of: &Expr, fits: fn(&DataType) -> bool| of.get_type(self.schema).map(|of| fits(&of));
        expression.exists(|node| {
            Ok(match node {
                Expr::BinaryExpr(BinaryExpr {
                    left,
                    op: Operator::Divide | Operator::Modulo,
                    ..
                }) => !is(left, DataType::is_floating)?,
                Expr::Cast(cast) => {
                    !(cast.field.data_type().is_floating()
                        && is(&cast.expr, |of| of.is_numeric() || of == &DataType::Boolean)?)
                }
                Expr::ScalarFunction(_) => true,
                _ => false,
            })
        })
    }
}

fn joined(terms: Vec<Expr>, op: Operator) -> Option<Expr> {
    let mut terms = terms.into_iter();
    let first = terms.next()?;
    Some(terms.fold(first, |all, term| binary(all, op, term)))
}

fn nodes(expression: &Expr) -> Result<usize> {
    let mut nodes = 0;
    expression.apply(|_| {
        nodes += 1;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(nodes)
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}
