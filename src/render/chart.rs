//! Bars, and sparklines where there are too many rows for them.
//!
//! Every column of numbers is drawn, scaled by itself; the other columns are the rows' names. Memory
//! is bounded: beyond a thousand rows only the sparklines' cells are kept.

mod bars;
mod sparkline;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use self::bars::Bar;
use self::sparkline::Line;
use super::output::Output;
use super::renderer::{RenderOptions, ResultWriter};
use super::thousands::{are_amounts, group};
use super::type_name::is_number;
use super::value::columns;
use super::visible::{Reader, write_visible};
use crate::error::{Code, Error, Result};

/// Beyond this many rows there are no bars.
const MOST_BARS: usize = 1000;
/// As many points along an axis (a time, a number) have bars; more are a line.
const MOST_POINTS: usize = 40;
/// How wide a chart is where no screen says.
const WIDTH: usize = 80;

/// Draws results.
pub(super) struct ChartWriter {
    reader: Reader,
    width: usize,
    names: Vec<usize>,
    /// Whether the rows' name is a time or a number.
    is_axis: bool,
    series: Vec<Series>,
    bars: Vec<Bar>,
    rows: usize,
    ends: Option<(String, String)>,
    /// Rows whose place on the axis is NULL.
    without_place: usize,
}

/// A column of numbers.
struct Series {
    column: usize,
    name: String,
    groups: bool,
    line: Line,
}

impl ChartWriter {
    pub(super) fn new(options: &RenderOptions) -> Self {
        Self {
            reader: Reader::new(&options.null_text, " "),
            width: options.fit.as_ref().map_or(WIDTH, |fit| fit.screen),
            names: Vec::new(),
            is_axis: false,
            series: Vec::new(),
            bars: Vec::new(),
            rows: 0,
            ends: None,
            without_place: 0,
        }
    }

    fn draws_bars(&self) -> bool {
        self.rows <= if self.is_axis { MOST_POINTS } else { MOST_BARS }
    }
}

impl ResultWriter for ChartWriter {
    fn begin(&mut self, schema: &SchemaRef, _out: &mut Output) -> Result<()> {
        let is_drawn = |i: &usize| is_number(schema.field(*i).data_type());
        let (mut numbers, mut names): (Vec<usize>, Vec<usize>) =
            (0..schema.fields().len()).partition(is_drawn);
        if numbers.is_empty() {
            return Err(
                Error::new(Code::InvalidStatement, "a chart needs a column of numbers")
                    .with_hint("select one, or take another mode: .mode table"),
            );
        }
        self.is_axis = matches!(names.as_slice(), [only] if schema.field(*only).data_type().is_temporal());
        if names.is_empty() && numbers.len() > 1 {
            names.push(numbers.remove(0));
            self.is_axis = true;
        }
        self.is_axis |= names.is_empty();
        self.series = numbers
            .into_iter()
            .map(|column| {
                let mut name = String::new();
                write_visible(schema.field(column).name(), " ", &mut name);
                Series {
                    column,
                    groups: are_amounts(&name),
                    name,
                    line: Line::new(self.width),
                }
            })
            .collect();
        self.names = names;
        self.bars.clear();
        self.rows = 0;
        self.ends = None;
        self.without_place = 0;
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, _out: &mut Output) -> Result<()> {
        let texts = columns(batch)?;
        let mut numbers = Vec::new();
        for series in &self.series {
            let values = cast(batch.column(series.column), &DataType::Float64);
            numbers.push(values.map_err(|e| Error::new(Code::DataException, e.to_string()).with_source(e))?);
        }
        for row in 0..batch.num_rows() {
            let mut name = String::new();
            for (i, column) in self.names.iter().enumerate() {
                name.push_str(if i > 0 { " · " } else { "" });
                self.reader.write(&texts[*column], row, &mut name)?;
            }
            if self.names.is_empty() {
                name = (self.rows + 1).to_string();
            }
            let has_place = !self.is_axis || self.names.iter().all(|i| batch.column(*i).is_valid(row));
            self.without_place += usize::from(!has_place);
            let mut values = Vec::new();
            for (series, numbers) in self.series.iter_mut().zip(&numbers) {
                let numbers = numbers.as_primitive::<Float64Type>();
                let number = (!numbers.is_null(row)).then(|| numbers.value(row));
                let number = number.filter(|number| number.is_finite());
                if has_place {
                    series.line.add(number);
                }
                if self.bars.len() <= MOST_BARS {
                    let mut text = String::new();
                    self.reader.write(&texts[series.column], row, &mut text)?;
                    if series.groups {
                        group(&mut text, 0);
                    }
                    values.push((text, number));
                }
            }
            self.rows += 1;
            match &mut self.ends {
                _ if !has_place => {}
                Some((_, last)) => last.clone_from(&name),
                None => self.ends = Some((name.clone(), name.clone())),
            }
            if self.bars.len() <= MOST_BARS {
                self.bars.push(Bar { name, values });
            }
        }
        Ok(())
    }

    fn end(&mut self, _rows: u64, out: &mut Output) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        if self.draws_bars() {
            bars::write(&self.bars, &self.series, self.width, &mut out.text);
        } else {
            sparkline::write(&self.series, self.ends.as_ref(), self.width, &mut out.text);
            if self.without_place > 0 {
                out.text.push_str(&format!(
                    "not drawn: {} without a place on the axis\n",
                    self.without_place
                ));
            }
        }
        Ok(())
    }
}

/// Appends a text in `width` characters: with spaces behind it, or cut at `…`.
fn write_padded(text: &str, width: usize, out: &mut String) {
    if text.width() <= width {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', width - text.width()));
        return;
    }
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            used -= c.width().unwrap_or(0);
            break;
        }
        out.push(c);
    }
    out.push('…');
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
}
