//! Points → trees → scores.

use std::ops::Range;

use arrow::array::Float64Array;
use rand::Rng;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::Spec;
use super::sample::Points;

/// The Euler–Mascheroni constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;
/// So many rows are taken through one tree after the other.
const BLOCK: usize = 256;
/// So many rows go down a tree side by side: none of them has to wait for another's next node.
const ABREAST: usize = 8;

/// A random tree. The first node is the root.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// By node: the length of the way to a leaf.
    ways: Vec<f64>,
    /// How many splits lie before the deepest leaf.
    height: u32,
}

/// A split, or a leaf, from which the way leads to itself: no number is at least NaN.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Where the split's first child is, the second behind it.
    children: u32,
    /// The column of a split.
    column: u32,
    /// Where a split is.
    value: f64,
}

/// Trees, and what their scores mean.
#[derive(Debug)]
pub(super) struct Forest {
    /// Their leaves have the length of the way as a part of the mean way to a row among as many as a tree has
    /// drawn: rows that are all alike score 0.5 without an error of rounding.
    trees: Vec<Tree>,
    threshold: f64,
}

/// The mean way to a row in a binary search tree of `rows` rows that are not there: c(n).
fn usual_way(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        rows => {
            let rows = rows as f64;
            2.0 * ((rows - 1.0).ln() + GAMMA) - 2.0 * (rows - 1.0) / rows
        }
    }
}

impl Tree {
    /// The tree with the lengths of its ways as parts of `usual`.
    fn relative_to(mut self, usual: f64) -> Self {
        for way in &mut self.ways {
            // Where there is nothing to tell apart, nothing is easier to tell apart than anything else.
            *way = if usual > 0.0 { *way / usual } else { 1.0 };
        }
        self
    }

    /// Adds to `ways` those of points, which lie one after the other.
    fn add_ways(&self, points: &[f64], width: usize, ways: &mut [f64]) {
        let groups = ways.chunks_mut(ABREAST).zip(points.chunks(ABREAST * width));
        for (ways, points) in groups {
            let mut at = [0_u32; ABREAST];
            let at = &mut at[..ways.len()];
            for _ in 0..self.height {
                for (at, point) in at.iter_mut().zip(points.chunks_exact(width)) {
                    let node = self.nodes[*at as usize];
                    *at = node.children + u32::from(point[node.column as usize] >= node.value);
                }
            }
            for (way, at) in ways.iter_mut().zip(at) {
                *way += self.ways[*at as usize];
            }
        }
    }
}

/// The rows that a tree draws.
fn drawn(points: &Points, spec: Spec) -> usize {
    spec.sample
        .min(usize::try_from(points.rows()).unwrap_or(usize::MAX))
}

/// Trees of a range of the forest's; each is its own chance.
pub(super) fn trees(points: &Points, spec: Spec, range: Range<usize>) -> Vec<Tree> {
    range.map(|place| tree(points, spec, place)).collect()
}

fn tree(points: &Points, spec: Spec, place: usize) -> Tree {
    let mut chance = ChaCha8Rng::seed_from_u64(spec.seed as u64);
    chance.set_stream(place as u64);
    let drawn = drawn(points, spec);
    let rows = usize::try_from(points.rows()).unwrap_or(usize::MAX);
    let mut sample: Vec<usize> = index::sample(&mut chance, rows, drawn)
        .into_iter()
        .map(|row| points.of_row(row as u64))
        .collect();
    let height = usize::BITS - drawn.saturating_sub(1).leading_zeros();
    let (mut nodes, mut ways, mut deepest) = (vec![leaf(0)], vec![0.0], 0);
    // What is left to do: a node, its points, and how deep it lies.
    let mut open = vec![(0_usize, 0..sample.len(), 0_u32)];
    let mut columns: Vec<usize> = (0..points.width).collect();
    while let Some((node, range, depth)) = open.pop() {
        let own = &mut sample[range.clone()];
        let split = match depth < height && own.len() > 1 {
            true => split(points, own, &mut columns, &mut chance),
            false => None,
        };
        let Some((column, value)) = split else {
            ways[node] = f64::from(depth) + usual_way(own.len());
            deepest = deepest.max(depth);
            continue;
        };
        let mut below = 0;
        for i in 0..own.len() {
            if points.point(own[i])[column] < value {
                own.swap(i, below);
                below += 1;
            }
        }
        let children = nodes.len();
        nodes.extend([leaf(children), leaf(children + 1)]);
        ways.extend([0.0, 0.0]);
        nodes[node] = Node {
            children: children as u32,
            column: column as u32,
            value,
        };
        let middle = range.start + below;
        open.push((children + 1, middle..range.end, depth + 1));
        open.push((children, range.start..middle, depth + 1));
    }
    Tree {
        nodes,
        ways,
        height: deepest,
    }
}

/// A leaf that is node `place`.
fn leaf(place: usize) -> Node {
    Node {
        children: place as u32,
        column: 0,
        value: f64::NAN,
    }
}

/// A random column in which the points differ, and a random place between its least value, which lies below it,
/// and its greatest, which does not. None if the points are all one.
fn split(
    points: &Points,
    own: &[usize],
    columns: &mut [usize],
    chance: &mut ChaCha8Rng,
) -> Option<(usize, f64)> {
    let mut left = columns.len();
    while left > 0 {
        let pick = chance.random_range(0..left);
        let column = columns[pick];
        let values = own.iter().map(|place| points.point(*place)[column]);
        let (least, greatest) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), value| {
                (least.min(value), greatest.max(value))
            });
        if least < greatest {
            let share: f64 = chance.random();
            let distance = greatest - least;
            let place = match distance.is_finite() {
                true => greatest - share * distance,
                false => greatest * (1.0 - share) + least * share,
            };
            return Some((column, if place > least { place } else { greatest }));
        }
        left -= 1;
        columns.swap(pick, left);
    }
    None
}

impl Forest {
    /// The forest of `trees`, which were fitted to `points`.
    pub(super) fn new(trees: Vec<Tree>, points: &Points, spec: Spec) -> Self {
        let usual = usual_way(drawn(points, spec));
        let mut forest = Self {
            trees: trees.into_iter().map(|tree| tree.relative_to(usual)).collect(),
            threshold: 0.5,
        };
        if let Some(share) = spec.contamination {
            let scores = forest.scores_of(&points.values, points.width);
            forest.threshold = quantile(&scores, &points.ends, 1.0 - share).unwrap_or(0.5);
        }
        forest
    }

    /// The score above which a row is marked.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The scores of rows, a column a number. What is no number counts as some.
    pub(super) fn scores(&self, columns: &[&Float64Array]) -> Vec<f64> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut scores = Vec::with_capacity(rows);
        let mut block = Vec::with_capacity(BLOCK * columns.len());
        for start in (0..rows).step_by(BLOCK) {
            block.clear();
            for row in start..(start + BLOCK).min(rows) {
                block.extend(columns.iter().map(|column| column.values()[row]));
            }
            scores.extend(self.scores_of(&block, columns.len()));
        }
        scores
    }

    /// The scores of points, which lie one after the other.
    fn scores_of(&self, points: &[f64], width: usize) -> Vec<f64> {
        let mut ways = vec![0.0; points.len() / width];
        for tree in &self.trees {
            tree.add_ways(points, width, &mut ways);
        }
        let trees = self.trees.len() as f64;
        ways.into_iter().map(|way| (-way / trees).exp2()).collect()
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.trees
            .iter()
            .map(|tree| tree.nodes.capacity() * size_of::<Node>() + tree.ways.capacity() * size_of::<f64>())
            .sum()
    }
}

/// The quantile of type 7 of values, of which `ends` says how many there are up to and with each.
fn quantile(values: &[f64], ends: &[u64], q: f64) -> Option<f64> {
    let starts = std::iter::once(&0).chain(ends);
    let counts = starts.zip(ends).map(|(start, end)| end - start);
    let mut ranked: Vec<(f64, u64)> = values.iter().copied().zip(counts).collect();
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut seen = 0;
    for (_, count) in &mut ranked {
        seen += *count;
        *count = seen;
    }
    let place = q * seen.checked_sub(1)? as f64;
    let at = |rank: u64| {
        let found = ranked.partition_point(|(_, end)| *end <= rank);
        ranked.get(found).or(ranked.last()).map(|(value, _)| *value)
    };
    let below = at(place.floor() as u64)?;
    let above = at(place.ceil() as u64)?;
    Some(below + (above - below) * place.fract())
}
