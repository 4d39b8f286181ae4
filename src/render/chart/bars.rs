//! A row a line: its name, and for each column of numbers the number and a bar.

use unicode_width::UnicodeWidthStr;

use super::{Series, write_padded};

/// A row.
pub(super) struct Bar {
    pub name: String,
    /// Each number as text and, if it is one that has a length, as number.
    pub values: Vec<(String, Option<f64>)>,
}

/// A bar narrower than this says nothing.
const NARROW: usize = 8;
const GAP: usize = 2;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Where a column stands.
struct Place {
    /// How wide its numbers are.
    text: usize,
    /// How wide its bars are: those below zero, those above.
    below: usize,
    above: usize,
    /// What one character of a bar stands for.
    step: f64,
}

pub(super) fn write(bars: &[Bar], series: &[Series], width: usize, out: &mut String) {
    let name = bars.iter().map(|bar| bar.name.width()).max().unwrap_or(0);
    let name = name.min(width / 3).max(1);
    let texts: Vec<usize> = (0..series.len())
        .map(|i| text_width(bars, &series[i], i))
        .collect();
    let needed = |shown: usize| -> usize { texts[..shown].iter().map(|text| text + NARROW + 1 + GAP).sum() };
    let shown = (1..=series.len())
        .rev()
        .find(|shown| name + needed(*shown) <= width)
        .unwrap_or(1);
    let taken: usize = name + texts[..shown].iter().map(|text| text + 1 + GAP).sum::<usize>();
    let room = (width.saturating_sub(taken) / shown).max(NARROW);
    let places: Vec<Place> = (0..shown).map(|i| place(bars, i, texts[i], room)).collect();

    let mut line = " ".repeat(name);
    for (place, series) in places.iter().zip(series) {
        line.push_str("  ");
        write_padded(
            &series.name,
            place.text + 1 + place.below + place.above,
            &mut line,
        );
    }
    push_line(&line, out);
    for bar in bars {
        line.clear();
        write_padded(&bar.name, name, &mut line);
        for (place, (text, number)) in places.iter().zip(&bar.values) {
            line.push_str("  ");
            line.extend(std::iter::repeat_n(' ', place.text.saturating_sub(text.width())));
            line.push_str(text);
            line.push(' ');
            write_bar(place, number.unwrap_or(0.0), &mut line);
        }
        push_line(&line, out);
    }
    if shown < series.len() {
        let hidden: Vec<&str> = series[shown..]
            .iter()
            .map(|series| series.name.as_str())
            .collect();
        out.push_str(&format!("columns not shown: {}\n", hidden.join(", ")));
    }
}

fn text_width(bars: &[Bar], series: &Series, i: usize) -> usize {
    let widths = bars.iter().map(|bar| bar.values[i].0.width());
    widths
        .max()
        .unwrap_or(0)
        .max(series.name.width().saturating_sub(NARROW))
}

fn place(bars: &[Bar], i: usize, text: usize, room: usize) -> Place {
    let numbers = || bars.iter().filter_map(|bar| bar.values[i].1);
    let highest = numbers().fold(0.0, f64::max);
    let lowest = numbers().fold(0.0, f64::min);
    // Two halves, so that the difference of two huge numbers stays a number.
    let span = highest / 2.0 - lowest / 2.0;
    let step = if span > 0.0 { span / room as f64 * 2.0 } else { 1.0 };
    let below = (-lowest / step).ceil() as usize;
    let below = below.min(room);
    Place {
        text,
        below,
        above: room - below,
        step,
    }
}

fn write_bar(place: &Place, number: f64, out: &mut String) {
    let length = number.abs() / place.step;
    if number < 0.0 {
        let whole = (length.round() as usize).min(place.below);
        out.extend(std::iter::repeat_n(' ', place.below - whole));
        out.extend(std::iter::repeat_n('█', whole));
        out.extend(std::iter::repeat_n(' ', place.above));
        return;
    }
    let eighths = ((length * 8.0).round() as usize).min(place.above * 8);
    // A number that is not zero is seen.
    let eighths = if number > 0.0 { eighths.max(1) } else { 0 };
    let part = EIGHTHS[eighths % 8];
    let used = eighths.div_ceil(8);
    out.extend(std::iter::repeat_n(' ', place.below));
    out.extend(std::iter::repeat_n('█', eighths / 8));
    out.push_str(part);
    out.extend(std::iter::repeat_n(' ', place.above.saturating_sub(used)));
}

fn push_line(line: &str, out: &mut String) {
    out.push_str(line.trim_end());
    out.push('\n');
}
