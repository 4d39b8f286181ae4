//! Ticks → the windows of each, and which row each window is of.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use datafusion::common::Result;

use super::{Shape, Windows};
use crate::operators::window::time::out_of_range;

/// The windows of a run of rows: one entry a window of a row, row by row.
#[derive(Debug)]
pub(super) struct Assigned {
    /// Which row; `None` if every row has one window.
    pub(super) rows: Option<UInt32Array>,
    pub(super) starts: ArrayRef,
    pub(super) ends: ArrayRef,
}

/// The windows of rows at `ticks`.
///
/// # Errors
/// [`Code::DataException`](crate::error::Code::DataException) for a window beyond the type.
pub(super) fn assign(windows: &Windows, ticks: &[i64]) -> Result<Assigned> {
    if windows.shape == Shape::Tumble {
        return tumble(windows, ticks);
    }
    let expected = ticks
        .len()
        .saturating_mul(usize::try_from(windows.panes).unwrap_or(1));
    let mut found = Found {
        rows: Vec::with_capacity(expected),
        starts: Vec::with_capacity(expected),
        ends: Vec::with_capacity(expected),
    };
    let mut row = 0;
    let mut known: Option<(i64, Vec<(i64, i64)>)> = None;
    let mut failed = false;
    windows.grid.each(ticks, |pane| {
        if known.as_ref().is_none_or(|(index, _)| *index != pane.index) {
            match windows_of(windows, pane.index) {
                Some(of_pane) => known = Some((pane.index, of_pane)),
                None => failed = true,
            }
        }
        if let Some((_, of_pane)) = &known {
            for (start, end) in of_pane {
                found.rows.push(row);
                found.starts.push(*start);
                found.ends.push(*end);
            }
        }
        row += 1;
    })?;
    if failed {
        return Err(out_of_range().into());
    }
    let time = windows.grid.time();
    Ok(Assigned {
        rows: Some(UInt32Array::from(found.rows)),
        starts: time.array(found.starts)?,
        ends: time.array(found.ends)?,
    })
}

struct Found {
    rows: Vec<u32>,
    starts: Vec<i64>,
    ends: Vec<i64>,
}

fn tumble(windows: &Windows, ticks: &[i64]) -> Result<Assigned> {
    let mut starts = Vec::with_capacity(ticks.len());
    let mut ends = Vec::with_capacity(ticks.len());
    windows.grid.each(ticks, |pane| {
        starts.push(pane.start);
        ends.push(pane.end);
    })?;
    let time = windows.grid.time();
    Ok(Assigned {
        rows: None,
        starts: Arc::clone(&time.array(starts)?),
        ends: time.array(ends)?,
    })
}

/// The windows that hold pane `index`, in order; `None` if one reaches beyond the type.
pub(in crate::operators::window) fn windows_of(windows: &Windows, index: i64) -> Option<Vec<(i64, i64)>> {
    let n = windows.panes;
    let grid = &windows.grid;
    let mut found = Vec::with_capacity(usize::try_from(n).ok()?);
    match windows.shape {
        Shape::Tumble => found.push((grid.start(index)?, grid.start(index.checked_add(1)?)?)),
        Shape::Hop => {
            for first in index.checked_sub(n - 1)?..=index {
                found.push((grid.start(first)?, grid.start(first.checked_add(n)?)?));
            }
        }
        Shape::Cumulate => {
            let first = index.div_euclid(n).checked_mul(n)?;
            let start = grid.start(first)?;
            for last in index..first.checked_add(n)? {
                found.push((start, grid.start(last + 1)?));
            }
        }
    }
    Some(found)
}
