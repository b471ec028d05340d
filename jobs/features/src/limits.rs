//! How long and how deep an expression may be.
//!
//! Many crates plan, send and compute expressions recursively. A chain of thousands of operators would overflow the
//! stack, and that ends a process. So an expression is measured before any other code walks over it.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// The longest text of an expression, in bytes. A list of about two thousand codes fits.
const LONGEST: usize = 16 * 1024;

/// How deep expressions may be nested. A sum of 100 terms is 100 deep.
const DEEPEST: usize = 100;

/// How deep parentheses and brackets may be nested.
const MOST_PARENTHESES: usize = 24;

/// How deep keywords such as `NOT`, `CAST` or `POSITION` may be nested. Such a keyword could also be a name. So if a
/// text is wrong, the parser reads the part after the keyword up to four times. Each level doubles the time, or worse.
const MOST_KEYWORDS: usize = 9;

/// How deep the protobuf messages of an expression may be nested in a plan. A reader gives up at 100, and the nodes
/// around the expression take some levels.
const DEEPEST_MESSAGE: usize = 74;

/// The most terms after planning. Planning writes some parts of an expression twice.
const MOST_TERMS: u64 = 100_000;

/// The stack for parsing and planning. A text of [`LONGEST`] bytes may be parsed to a tree of 8,000 levels before it is
/// measured. Unused stack takes no memory.
const STACK: usize = 64 * 1024 * 1024;

/// Why an expression is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooLarge {
    /// The text is too long.
    #[error(
        "it has {0} bytes, and at most {LONGEST} are possible; shorten it, or split it into several features"
    )]
    Long(usize),
    /// It is nested too deeply.
    #[error(
        "it has {0} expressions within each other, and at most {DEEPEST} are possible; split a long sum into several features, and write IN (…) for many comparisons"
    )]
    Deep(usize),
    /// Its parentheses are nested too deeply.
    #[error(
        "it has {0} parentheses within each other, and at most {MOST_PARENTHESES} are possible; split it into several features"
    )]
    Parentheses(usize),
    /// Its keywords that could also be names are nested too deeply.
    #[error(
        "it has {0} of NOT, CAST, POSITION and the like within each other, and at most {MOST_KEYWORDS} are possible; split it into several features"
    )]
    Keywords(usize),
    /// Its plan cannot be sent.
    #[error("it is nested too deeply to be sent to an executor; split it into several features")]
    Unsendable,
    /// Planning would repeat its parts too often.
    #[error(
        "CASE, BETWEEN and IN within each other make {0} terms of it, and at most {MOST_TERMS} are possible; split it into several features"
    )]
    Repeating(u64),
    /// It has too many functions that make long texts or lists.
    #[error(
        "{0} of its functions make texts or lists longer, and at most {most} are possible; split it into several features",
        most = MOST_GROWING
    )]
    Growing(usize),
}

/// The most calls of functions whose result may be much longer than their arguments.
pub(crate) const MOST_GROWING: usize = 24;

/// Runs a part of planning on a stack of its own. Gives `None` if that part panics, because no text may end a process.
pub(crate) fn on_large_stack<T>(work: impl FnOnce() -> T) -> Option<T> {
    stacker::grow(STACK, || catch_unwind(AssertUnwindSafe(work)).ok())
}

/// Refuses a text that is too long or nested too deeply to be parsed.
pub(crate) fn check_text(sql: &str) -> Result<(), TooLarge> {
    if sql.len() > LONGEST {
        return Err(TooLarge::Long(sql.len()));
    }
    // If a text has no tokens, the parser refuses it, too.
    let Ok(tokens) = Tokenizer::new(&GenericDialect, sql).tokenize() else {
        return Ok(());
    };
    let nesting = Nesting::of(&tokens);
    if nesting.parentheses > MOST_PARENTHESES {
        return Err(TooLarge::Parentheses(nesting.parentheses));
    }
    if nesting.keywords > MOST_KEYWORDS {
        return Err(TooLarge::Keywords(nesting.keywords));
    }
    Ok(())
}

/// Words that end the operand of a `NOT`. None of them is the name of a function.
const BINDS_LESS: &[Keyword] = &[
    Keyword::AND,
    Keyword::OR,
    Keyword::CASE,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
];

/// How deep things are nested, at most.
#[derive(Default)]
struct Nesting {
    parentheses: usize,
    keywords: usize,
}

impl Nesting {
    fn of(tokens: &[Token]) -> Self {
        let mut most = Self::default();
        // For each open parenthesis: how many keywords enclose its content, and whether the innermost keyword ends with
        // the parenthesis.
        let mut open: Vec<(usize, bool)> = Vec::new();
        // For this token: how many keywords enclose it, and whether a keyword stands right before it.
        let (mut keywords, mut after_keyword) = (0, false);
        for token in tokens {
            let word = match token {
                Token::Whitespace(_) => continue,
                Token::Word(word) => word.keyword,
                _ => Keyword::NoKeyword,
            };
            let outside = open.last().map_or(0, |(outside, _)| *outside);
            match (token, word) {
                (Token::LParen | Token::LBracket, _) => {
                    keywords += usize::from(after_keyword);
                    open.push((keywords, after_keyword));
                }
                (Token::RParen | Token::RBracket, _) => {
                    if let Some((within, of_keyword)) = open.pop() {
                        keywords = within - usize::from(of_keyword);
                    }
                }
                // The operand of a NOT ends before the next word that binds less tightly.
                (_, Keyword::NOT) => keywords += 1,
                (Token::Comma, _) => keywords = outside,
                (_, word) if BINDS_LESS.contains(&word) => keywords = outside,
                _ => {}
            }
            after_keyword =
                !matches!(word, Keyword::NoKeyword | Keyword::NOT) && !BINDS_LESS.contains(&word);
            most.parentheses = most.parentheses.max(open.len());
            most.keywords = most.keywords.max(keywords);
        }
        most
    }
}

/// Refuses a parsed expression that is too deep.
pub(crate) fn check_parsed(expression: &SqlExpr) -> Result<(), TooLarge> {
    #[derive(Default)]
    struct Depth {
        now: usize,
        most: usize,
    }
    impl Visitor for Depth {
        type Break = ();

        fn pre_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
            self.now += 1;
            self.most = self.most.max(self.now);
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
            self.now -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut depth = Depth::default();
    let _ = expression.visit(&mut depth);
    if depth.most > DEEPEST {
        return Err(TooLarge::Deep(depth.most));
    }
    Ok(())
}

/// Refuses an expression that planning would make too large. For example, `a BETWEEN b AND c` becomes `a >= b AND a <=
/// c`. So each level of nested BETWEENs doubles `a`.
pub(crate) fn check_terms(expression: &Expr) -> Result<(), TooLarge> {
    let terms = terms(expression);
    if terms > MOST_TERMS {
        return Err(TooLarge::Repeating(terms));
    }
    Ok(())
}

fn terms(expression: &Expr) -> u64 {
    let times = |of: &Expr, times: u64| terms(of).saturating_mul(times);
    let mut sum = 1_u64;
    let mut add = |terms: u64| sum = sum.saturating_add(terms);
    match expression {
        Expr::Between(between) => {
            add(times(&between.expr, 2));
            add(terms(&between.low));
            add(terms(&between.high));
        }
        // If the results of a CASE are truth values, planning makes a chain of AND and OR. The chain holds each
        // condition and its opposite.
        Expr::Case(case) => {
            case.expr.iter().for_each(|of| add(terms(of)));
            for (when, then) in &case.when_then_expr {
                add(times(when, 3));
                add(terms(then));
            }
            case.else_expr.iter().for_each(|of| add(terms(of)));
        }
        // A short list becomes a chain of comparisons.
        Expr::InList(list) => {
            let copies = if list.list.len() <= 3 { 3 } else { 1 };
            add(times(&list.expr, copies));
            list.list.iter().for_each(|of| add(terms(of)));
        }
        other => {
            let twice = match other {
                Expr::ScalarFunction(f) => {
                    matches!(
                        f.func.name(),
                        "coalesce" | "ifnull" | "nullif" | "nvl" | "nvl2"
                    )
                }
                _ => false,
            };
            let copies = if twice { 2 } else { 1 };
            let _ = other.apply_children(|of| {
                add(times(of, copies));
                Ok(TreeNodeRecursion::Continue)
            });
        }
    }
    sum
}

/// Refuses a planned expression whose plan no executor could read. Planning adds casts, so the plan can be deeper than
/// the text.
pub(crate) fn check_planned(expression: &Arc<dyn PhysicalExpr>) -> Result<(), TooLarge> {
    if depth(expression) > 2 * DEEPEST || messages(expression) > DEEPEST_MESSAGE {
        return Err(TooLarge::Unsendable);
    }
    Ok(())
}

fn depth(expression: &Arc<dyn PhysicalExpr>) -> usize {
    let children = expression.children();
    1 + children.into_iter().map(depth).max().unwrap_or(0)
}

/// How deep protobuf messages are nested.
fn messages(expression: &Arc<dyn PhysicalExpr>) -> usize {
    // A CASE has a message of its own for each of its branches.
    let own = if expression.downcast_ref::<CaseExpr>().is_some() {
        3
    } else {
        2
    };
    let mut operands = Vec::new();
    match expression.downcast_ref::<BinaryExpr>() {
        // A chain of one operator is sent as one message with a list.
        Some(binary) => {
            let mut left = binary.left();
            operands.push(binary.right());
            while let Some(next) = left.downcast_ref::<BinaryExpr>()
                && next.op() == binary.op()
            {
                operands.push(next.right());
                left = next.left();
            }
            operands.push(left);
        }
        None => operands = expression.children(),
    }
    own + operands.into_iter().map(messages).max().unwrap_or(0)
}
