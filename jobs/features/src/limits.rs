//! How long and how deep an expression may be.
//!
//! Many crates plan, send and compute expressions recursively. A chain of thousands of operators would overflow the
//! stack, and that ends a process. So an expression is measured before any other code walks over it.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// The longest text of an expression, in bytes. A list of about two thousand codes fits.
const LONGEST: usize = 16 * 1024;

/// How deep expressions may be nested. A sum of 100 terms is 100 deep.
const DEEPEST: usize = 100;

/// How deep parentheses and brackets may be nested.
const MOST_PARENTHESES: usize = 24;

/// How often the parser may read the innermost part of a wrong text, as a power of two. After `CASE`, `INTERVAL` or a point it
/// tries twice; after a keyword that could also be a name (`NOT`, `CAST`, `POSITION`), four times. Nesting multiplies these
/// numbers. A text at this bound takes about a second.
const MOST_DOUBLINGS: usize = 18;

/// The doublings by a keyword other than `CASE`.
const BY_KEYWORD: usize = 2;

/// How deep the protobuf messages of an expression may be nested in a plan. A reader gives up at 100, and the nodes
/// around the expression take some levels.
const DEEPEST_MESSAGE: usize = 74;

/// The most terms after planning. Planning writes some parts of an expression twice.
const MOST_TERMS: u64 = 100_000;

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
        "CASE, INTERVAL, NOT, CAST, POSITION and the like lie within each other too often; at most {MOST_DOUBLINGS} CASE or {} of the others are possible; split it into several features",
        MOST_DOUBLINGS / BY_KEYWORD
    )]
    Keywords,
    /// The parser gives up on it.
    #[error(
        "its CASE, calls and operators are nested more deeply than can be parsed; split it into several features"
    )]
    Nested,
    /// The plan of it cannot be sent.
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
    /// A function would make a text or a list that is too long.
    #[error(
        "{0} would make more than {of_row} MiB of one row, or more than {at_once} MiB at a time",
        of_row = MOST_OF_ROW >> 20,
        at_once = MOST_BYTES >> 20
    )]
    Result(&'static str),
    /// A function is not offered at all.
    #[error("{0} is not offered, because its list may be of any length")]
    NotOffered(&'static str),
    /// A type whose values have the size that the type names.
    #[error(
        "types of a fixed size are not offered, because a value takes as much memory as the type says; write INT[] in place of INT[3]"
    )]
    FixedSize,
}

/// The most calls of functions whose result may be much longer than their arguments.
pub(crate) const MOST_GROWING: usize = 24;

/// The most bytes that such a function may make, for all rows that are computed at once (at most 8,192).
pub(crate) const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// The most bytes that such a function may make in one row. Patterns are compiled, and some searches take a step for each
/// pair of characters. So a text that a number made long must stay far shorter than [`MOST_BYTES`].
pub(crate) const MOST_OF_ROW: u64 = 2 * 1024 * 1024;

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
    if nesting.doublings > MOST_DOUBLINGS {
        return Err(TooLarge::Keywords);
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
    Keyword::END,
];

/// How deep things are nested, at most.
#[derive(Default)]
struct Nesting {
    parentheses: usize,
    doublings: usize,
}

/// An open parenthesis, bracket or `CASE`.
struct Open {
    is_case: bool,
    /// The doublings around it, the run that it is in, and the doublings of its content.
    around: usize,
    run: usize,
    within: usize,
}

impl Nesting {
    fn of(tokens: &[Token]) -> Self {
        let mut most = Self::default();
        let mut open: Vec<Open> = Vec::new();
        let mut parentheses: usize = 0;
        // For this token: the doublings by what it lies in, and whether a keyword stands right before it.
        let (mut doublings, mut after_keyword) = (0, false);
        // The points of the name `a.b[1].c` that it is in, and INTERVALs without a value. Each doubles, too.
        let (mut run, mut after_point) = (0, false);
        for token in tokens {
            let word = match token {
                Token::Whitespace(_) => continue,
                Token::Word(word) => word.keyword,
                _ => Keyword::NoKeyword,
            };
            let around_this = || open.last().map_or(0, |last| last.within);
            match (token, word) {
                (Token::LParen | Token::LBracket, _) | (_, Keyword::CASE) => {
                    let is_case = word == Keyword::CASE;
                    parentheses += usize::from(!is_case);
                    let by = match (is_case, after_keyword) {
                        (true, _) => 1,
                        (false, true) => BY_KEYWORD,
                        (false, false) => 0,
                    };
                    let (around, within) = (doublings, doublings + run + by);
                    open.push(Open {
                        is_case,
                        around,
                        run,
                        within,
                    });
                    (doublings, run) = (within, 0);
                }
                (Token::RParen | Token::RBracket, _) => {
                    // A CASE in it that has no end ends here, too.
                    while let Some(ended) = open.pop() {
                        (doublings, run) = (ended.around, ended.run);
                        if !ended.is_case {
                            parentheses -= 1;
                            break;
                        }
                    }
                }
                (_, Keyword::END) => {
                    if let Some(ended) = open.pop_if(|last| last.is_case) {
                        (doublings, run) = (ended.around, 0);
                    }
                }
                // The operand of a NOT reaches up to the next word that binds less.
                (_, Keyword::NOT) => doublings += BY_KEYWORD,
                (Token::Comma, _) => (doublings, run) = (around_this(), 0),
                (_, word) if BINDS_LESS.contains(&word) => doublings = around_this(),
                (Token::Period, _) | (_, Keyword::INTERVAL) => run += 1,
                (Token::Word(_), Keyword::NoKeyword) if !after_point => run = 0,
                (Token::Number(..) | Token::SingleQuotedString(_), _) => run = 0,
                _ => {}
            }
            after_keyword =
                !matches!(word, Keyword::NoKeyword | Keyword::NOT) && !BINDS_LESS.contains(&word);
            after_point = *token == Token::Period;
            most.parentheses = most.parentheses.max(parentheses);
            most.doublings = most.doublings.max(doublings + run);
        }
        most
    }
}

/// Whether the parser refused a text because too many things lie within each other.
pub(crate) fn is_too_deep(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::SQL(error, _) if **error == ParserError::RecursionLimitExceeded)
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

/// Refuses types of a fixed size: a null of the type `INT[1000000000]` takes 4 GB, in planning already.
pub(crate) fn check_types(expression: &Expr) -> Result<(), TooLarge> {
    let fixed = expression.exists(|node| {
        Ok(match node {
            Expr::Cast(cast) => is_fixed(cast.field.data_type()),
            Expr::TryCast(cast) => is_fixed(cast.field.data_type()),
            // `arrow_cast(x, 'FixedSizeBinary(9)')` and its relatives take the name of the type as a text.
            Expr::ScalarFunction(call) if call.func.name().contains("cast") => {
                let name = call.args.last().and_then(|arg| match arg {
                    Expr::Literal(literal, _) => literal.try_as_str().flatten(),
                    _ => None,
                });
                name.is_some_and(|name| name.contains("FixedSize"))
            }
            _ => false,
        })
    });
    match fixed {
        Ok(false) => Ok(()),
        _ => Err(TooLarge::FixedSize),
    }
}

fn is_fixed(of: &DataType) -> bool {
    match of {
        DataType::FixedSizeBinary(_) | DataType::FixedSizeList(..) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::Map(item, _) => {
            is_fixed(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| is_fixed(field.data_type())),
        _ => false,
    }
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
