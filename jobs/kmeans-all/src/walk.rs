//! Walks down the tree with the sites that can still be nearest: the filtering algorithm of Pelleg and Moore (1999) and
//! of Kanungo et al. (2002).

use std::ops::Range;

use crate::points::Points;
use crate::sites::Sites;
use crate::tree::Tree;

/// With many sites left, a node of so few rows is not cut further: narrowing its sites would take longer than products
/// with all of them.
const ROWS_OF_AN_AREA: usize = 1024;

/// A tree pays if its nodes leave less than this part of the sites.
const SHARE_LEFT: usize = 3;

/// How many nodes show whether a tree pays.
const PROBES: usize = 32;

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

/// The tree of `points` if it pays: if its smaller nodes rule out most of many sites, or there are few sites.
pub(crate) fn paying_tree<'a>(points: &'a Points, sites: &Sites) -> Option<&'a Tree> {
    let tree = points.tree.as_ref()?;
    let all = sites.distinct();
    if sites.frame(all).is_none() {
        return Some(tree);
    }
    let nodes = tree.nodes_of(ROWS_OF_AN_AREA);
    let probes = nodes.clone().step_by(nodes.len().div_ceil(PROBES));
    let (mut probed, mut left) = (0, 0);
    let mut stack = all.to_vec();
    for node in probes.filter(|node| !tree.rows(*node).is_empty()) {
        stack.truncate(all.len());
        left += sites
            .narrow(tree.bounds(node), 0..all.len(), &mut stack)
            .0
            .len();
        probed += all.len();
    }
    (SHARE_LEFT * left < probed).then_some(tree)
}

/// Cuts all rows of `points` into areas: nodes for which one site is left, small nodes with several sites, or all rows
/// if no tree pays.
pub(crate) fn walk(points: &Points, sites: &Sites, visit: &mut impl FnMut(Area<'_>)) {
    if points.rows() == 0 {
        return;
    }
    let mut stack = sites.distinct().to_vec();
    let all = 0..stack.len();
    match paying_tree(points, sites) {
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
    let is_small = || rows.len() <= ROWS_OF_AN_AREA && sites.frame(&stack[left.clone()]).is_some();
    match tree.children(node) {
        Some(children) if left.len() > 1 && !is_small() => {
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
