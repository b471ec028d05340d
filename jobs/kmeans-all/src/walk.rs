//! Walks down the tree with the sites that can still be nearest: the filtering algorithm of Pelleg and Moore (1999) and
//! of Kanungo et al. (2002).

use std::ops::Range;

use crate::points::Points;
use crate::sites::Sites;
use crate::tree::Tree;

/// Rows for which the same few sites can be nearest.
#[derive(Debug)]
pub(crate) struct Area<'a> {
    pub(crate) rows: Range<usize>,
    /// The node of the tree that has exactly these rows, if there is one.
    pub(crate) node: Option<usize>,
    /// The sites that can be nearest to one of the rows, in order.
    pub(crate) sites: &'a [u32],
    /// An upper bound of the squared distance from each row to its nearest site.
    pub(crate) reach: f64,
}

/// Cuts all rows of `points` into areas: nodes for which one site is left, leaves with several sites, or all rows if
/// there is no tree.
pub(crate) fn walk(points: &Points, sites: &Sites, visit: &mut impl FnMut(Area<'_>)) {
    if points.rows() == 0 {
        return;
    }
    let mut stack = sites.distinct().to_vec();
    let all = 0..stack.len();
    match &points.tree {
        None => {
            let (left, reach) = sites.narrow(&points.bounds, all, &mut stack);
            visit(Area {
                rows: points.all(),
                node: None,
                sites: &stack[left],
                reach,
            });
        }
        Some(tree) => descend(tree, 1, sites, all, &mut stack, visit),
    }
}

fn descend(
    tree: &Tree,
    node: usize,
    sites: &Sites,
    among: Range<usize>,
    stack: &mut Vec<u32>,
    visit: &mut impl FnMut(Area<'_>),
) {
    let rows = tree.rows(node);
    if rows.is_empty() || sites.is_stopped() {
        return;
    }
    let before = stack.len();
    let (left, reach) = sites.narrow(tree.bounds(node), among, stack);
    match tree.children(node) {
        Some(children) if left.len() > 1 => {
            for child in children {
                descend(tree, child, sites, left.clone(), stack, visit);
            }
        }
        _ => visit(Area {
            rows,
            node: Some(node),
            sites: &stack[left],
            reach,
        }),
    }
    stack.truncate(before);
}
