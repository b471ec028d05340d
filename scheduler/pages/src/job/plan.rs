//! The plan of each stage as a tree, with what its tasks counted.

use gugus_look::drawing;
use maud::{Markup, html};

use super::record::{Operator, Stage};

/// The most operators of a page.
const OPERATORS: usize = 300;

pub(super) fn plans(stages: &[Stage]) -> Markup {
    let mut left = OPERATORS;
    html! {
        @for stage in stages {
            @let shown = stage.plan.len().min(left);
            @let () = left -= shown;
            @if let Some(plan) = stage.plan.get(..shown).filter(|plan| !plan.is_empty()) {
                h3 { "Stage " (stage.id) }
                (drawing(&format!("Plan of stage {}", stage.id), &tree(plan, 0)))
            }
        }
        @if left == 0 { p.quiet { "This page as JSON has the other plans." } }
    }
}

/// The operators at this depth, each with those below it.
fn tree(plan: &[Operator], depth: u64) -> Markup {
    let starts: Vec<usize> = (0..plan.len())
        .filter(|at| {
            plan.get(*at)
                .is_some_and(|operator| operator.depth == depth)
        })
        .collect();
    let ends = starts.iter().skip(1).copied().chain([plan.len()]);
    html! { ul.plan { @for (start, end) in starts.iter().copied().zip(ends) {
        @if let Some((operator, below)) = plan.get(start..end).and_then(<[Operator]>::split_first) {
            li {
                code { (operator.text) }
                @if !operator.figures.is_empty() { span.quiet.figures { @for figure in &operator.figures {
                    span { (figure.name.replace('_', " ")) " " b { (figure.value) } } " "
                } } }
                @if !below.is_empty() { (tree(below, depth + 1)) }
            }
        }
    } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_stand_within_those_above_them() {
        let operator = |depth, text: &str| Operator {
            depth,
            text: text.to_owned(),
            figures: Vec::new(),
        };
        let plan = [
            operator(0, "a"),
            operator(1, "b"),
            operator(2, "c"),
            operator(1, "d"),
        ];
        let text = tree(&plan, 0).into_string();
        let c = "<ul class=\"plan\"><li><code>c</code></li></ul>";
        let below =
            format!("<ul class=\"plan\"><li><code>b</code>{c}</li><li><code>d</code></li></ul>");
        assert_eq!(
            text,
            format!("<ul class=\"plan\"><li><code>a</code>{below}</li></ul>")
        );
    }
}
