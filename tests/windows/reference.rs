//! What the windows are, row by row: each row is looked at by itself, and nothing is kept.

use std::collections::{BTreeMap, BTreeSet};

/// A row: its number, its key (NULL now and then), its time in seconds (NULL now and then).
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) key: Option<i64>,
    pub(crate) ts: Option<i64>,
}

/// Rows as cells, sorted.
pub(crate) type Answer = Vec<Vec<Option<i64>>>;

pub(crate) fn sorted(mut answer: Answer) -> Answer {
    answer.sort();
    answer
}

/// The windows of a moment: `n` of them begin `slide` apart.
pub(crate) fn hop(ts: i64, slide: i64, n: i64, offset: i64) -> Vec<(i64, i64)> {
    let last = (ts - offset).div_euclid(slide) * slide + offset;
    (0..n)
        .map(|back| (last - back * slide, last - back * slide + n * slide))
        .collect()
}

pub(crate) fn cumulate(ts: i64, step: i64, n: i64) -> Vec<(i64, i64)> {
    let start = ts.div_euclid(step * n) * step * n;
    let ends = (1..=n).map(|k| start + k * step).filter(|end| *end > ts);
    ends.map(|end| (start, end)).collect()
}

/// Count, sum, highest and number of different ids by key and window.
pub(crate) fn aggregated(rows: &[Row], windows: impl Fn(i64) -> Vec<(i64, i64)>) -> Answer {
    let mut groups: BTreeMap<(Option<i64>, i64, i64), Vec<i64>> = BTreeMap::new();
    for row in rows {
        for (start, end) in row.ts.map(&windows).unwrap_or_default() {
            groups.entry((row.key, start, end)).or_default().push(row.id);
        }
    }
    let groups = groups.into_iter().map(|((key, start, end), ids)| {
        let odd = ids.iter().filter(|id| *id % 2 == 1).count() as i64;
        let classes: BTreeSet<i64> = ids.iter().map(|id| id % 3).collect();
        vec![
            key,
            Some(start),
            Some(end),
            Some(ids.len() as i64),
            Some(ids.iter().sum()),
            ids.iter().max().copied(),
            Some(odd),
            Some(classes.len() as i64),
        ]
    });
    sorted(groups.collect())
}

/// The sessions of each key's rows in the order of time.
pub(crate) fn sessions(rows: &[Row], gap: i64) -> Answer {
    let mut keys: BTreeMap<Option<i64>, Vec<(i64, i64)>> = BTreeMap::new();
    for row in rows {
        if let Some(ts) = row.ts {
            keys.entry(row.key).or_default().push((ts, row.id));
        }
    }
    let mut answer = Vec::new();
    for mut of_key in keys.into_values() {
        of_key.sort_unstable();
        for session in of_key.chunk_by(|a, b| b.0 - a.0 <= gap) {
            let (start, end) = (session[0].0, session[session.len() - 1].0 + gap);
            answer.extend(
                session
                    .iter()
                    .map(|(_, id)| vec![Some(*id), Some(start), Some(end)]),
            );
        }
    }
    sorted(answer)
}

pub(crate) fn counted(rows: &[Row], n: usize, slide: usize, partial: bool) -> Answer {
    let mut keys: BTreeMap<Option<i64>, Vec<(i64, i64)>> = BTreeMap::new();
    for row in rows {
        if let Some(ts) = row.ts {
            keys.entry(row.key).or_default().push((ts, row.id));
        }
    }
    let mut answer = Vec::new();
    for mut of_key in keys.into_values() {
        of_key.sort_unstable();
        for (window, from) in (0..of_key.len()).step_by(slide).enumerate() {
            let until = (from + n).min(of_key.len());
            if until - from < n && !partial {
                continue;
            }
            let (start, end) = (of_key[from].0, of_key[until - 1].0);
            answer.extend(
                of_key[from..until]
                    .iter()
                    .map(|(_, id)| vec![Some(*id), Some(start), Some(end), Some(window as i64 + 1)]),
            );
        }
    }
    sorted(answer)
}

/// What is computed over the rows of a key that lie up to `before` before and `after` after each row.
pub(crate) fn over_frames(rows: &[Row], before: i64, after: i64, by_key: bool) -> Answer {
    let answer = rows.iter().map(|row| {
        let near = |other: &&Row| match (row.ts, other.ts) {
            (Some(t), Some(u)) => t - before <= u && u <= t + after,
            (None, None) => true,
            _ => false,
        };
        let ids = rows
            .iter()
            .filter(|other| !by_key || other.key == row.key)
            .filter(near)
            .map(|other| other.id);
        let ids: Vec<i64> = ids.collect();
        let odd = ids.iter().filter(|id| *id % 2 == 1);
        vec![
            Some(row.id),
            Some(ids.iter().sum()),
            Some(ids.len() as i64),
            ids.iter().min().copied(),
            odd.clone().max().copied(),
            Some(ids.iter().sum()),
            Some(odd.count() as i64),
        ]
    });
    sorted(answer.collect())
}

/// How many rows of a key arrived by then, and how far a row lies behind the watermark when it does.
pub(crate) fn lateness(rows: &[Row], delay: i64, max_ahead: i64) -> Answer {
    let answer = rows.iter().map(|row| {
        let of_key = rows.iter().filter(|other| other.key == row.key);
        let count = of_key
            .clone()
            .filter(|other| arrival(other) <= arrival(row))
            .count();
        let before = of_key.filter(|other| arrival(other) < arrival(row));
        let moves = before.filter_map(|other| other.ts.filter(|ts| ts - arrival(other) <= max_ahead));
        let watermark = moves.map(|ts| ts - delay).max();
        let behind = watermark.zip(row.ts).map(|(watermark, ts)| watermark - ts);
        vec![
            Some(row.id),
            Some(count as i64),
            behind.filter(|behind| *behind > 0),
        ]
    });
    sorted(answer.collect())
}

/// Two rows arrive at a time.
pub(crate) fn arrival(row: &Row) -> i64 {
    row.id / 2 * 5
}
