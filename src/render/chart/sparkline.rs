//! A column of numbers as one line of eight heights, over any number of rows.

use super::{Series, write_padded};
use unicode_width::UnicodeWidthStr;

use super::super::thousands::group;

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The rows seen so far as the means of equally many of them each.
pub(super) struct Line {
    cells: Vec<Cell>,
    /// How many cells there may be; twice as many as are drawn.
    most: usize,
    /// How many rows a cell stands for.
    stride: usize,
    /// How many rows the last cell has.
    filled: usize,
    lowest: f64,
    highest: f64,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    sum: f64,
    count: u32,
}

impl Cell {
    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    fn with(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}

impl Line {
    pub(super) fn new(width: usize) -> Self {
        Self {
            cells: Vec::new(),
            most: width.max(1) * 2,
            stride: 1,
            filled: 1,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
        }
    }

    pub(super) fn add(&mut self, number: Option<f64>) {
        if self.filled == self.stride {
            if self.cells.len() == self.most {
                self.halve();
            }
            self.cells.push(Cell::default());
            self.filled = 0;
        }
        self.filled += 1;
        if let (Some(number), Some(cell)) = (number, self.cells.last_mut()) {
            *cell = cell.with(Cell {
                sum: number,
                count: 1,
            });
            self.lowest = self.lowest.min(number);
            self.highest = self.highest.max(number);
        }
    }

    /// Makes one cell of two. An even number of cells is full before this.
    fn halve(&mut self) {
        self.cells = halved(&self.cells);
        self.stride *= 2;
        self.filled = self.stride;
    }

    /// How many rows a character of the line stands for, at that width.
    fn rows_a_cell(&self, width: usize) -> usize {
        let mut cells = self.cells.len();
        let mut rows = self.stride;
        while cells > width.max(1) {
            (cells, rows) = (cells.div_ceil(2), rows * 2);
        }
        rows
    }

    /// The line, at most `width` characters long.
    fn drawn(&self, width: usize) -> String {
        let mut cells = self.cells.clone();
        while cells.len() > width.max(1) {
            cells = halved(&cells);
        }
        let means: Vec<Option<f64>> = cells.into_iter().map(Cell::mean).collect();
        let known = || means.iter().flatten().copied();
        let (low, high) = (
            known().fold(f64::INFINITY, f64::min),
            known().fold(f64::NEG_INFINITY, f64::max),
        );
        let height = |mean: f64| match high > low {
            true => (((mean - low) / (high - low) * 7.0).round() as usize).min(7),
            false => 3,
        };
        let drawn = means
            .iter()
            .map(|mean| mean.map_or(' ', |mean| HEIGHTS[height(mean)]));
        drawn.collect()
    }
}

fn halved(cells: &[Cell]) -> Vec<Cell> {
    let pairs = cells.chunks(2);
    pairs
        .map(|pair| pair.iter().copied().fold(Cell::default(), Cell::with))
        .collect()
}

pub(super) fn write(series: &[Series], ends: Option<&(String, String)>, width: usize, out: &mut String) {
    for Series { name, line, .. } in series {
        let mut range = match line.lowest <= line.highest {
            true => format!("{} … {}", number(line.lowest), number(line.highest)),
            false => "no numbers".to_owned(),
        };
        let rows = line.rows_a_cell(width);
        if rows > 1 {
            range.push_str(&format!("  (a mark is the mean of {rows} rows)"));
        }
        out.push_str(&format!("{name}  {range}\n"));
        out.push_str(line.drawn(width).trim_end());
        out.push('\n');
    }
    if let Some((first, last)) = ends {
        let drawn = series.iter().map(|series| series.line.drawn(width).width()).max();
        let room = drawn.unwrap_or(0).saturating_sub(last.width());
        write_padded(first, room.max(first.width().min(width / 3)), out);
        out.push_str(last);
        out.push('\n');
    }
}

fn number(number: f64) -> String {
    let mut text = match number.abs() >= 1e15 || number != 0.0 && number.abs() < 1e-4 {
        true => format!("{number:e}"),
        false => format!("{number}"),
    };
    group(&mut text, 0);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_a_line() {
        let mut line = Line::new(8);
        for i in 0..100_000 {
            line.add((i % 7 != 0).then_some(f64::from(i)));
        }
        assert!(line.cells.len() <= 16);
        let count: u32 = line.cells.iter().map(|cell| cell.count).sum();
        assert_eq!(count, (0..100_000).filter(|i| i % 7 != 0).count() as u32);
        let drawn = line.drawn(8);
        assert!(drawn.starts_with('▁') && drawn.ends_with('█'), "{drawn}");
        assert!(drawn.chars().count() <= 8);
        assert_eq!((line.lowest, line.highest), (1.0, 99_999.0));
    }

    #[test]
    fn what_has_no_height_is_even() {
        let mut line = Line::new(4);
        for number in [Some(2.0), None, Some(2.0)] {
            line.add(number);
        }
        assert_eq!(line.drawn(4), "▄ ▄");
    }
}
