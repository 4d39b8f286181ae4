//! A result on a terminal: all of it if the screen holds it, else in a pager, else its first rows.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use tokio::task::block_in_place;
use tokio::time::{Instant, timeout_at};

use super::footer::Count;
use super::last::Keeper;
use super::pager::{OpenPager, Pager};
use super::plans::folded;
use super::results::Rows;
use crate::error::{Code, Error, Result};
use crate::render::{Fit, Format, Meter, RenderOptions, Renderer, is_broken_pipe};

/// How many rows of a table are shown where there is no pager.
const SHOWN: usize = 1000;
/// As many rows decide how wide a table's columns are, if they come in time.
const LAID_OUT: usize = 1000;
/// How long more rows than the screen holds wait for others to be laid out with.
const PATIENCE: Duration = Duration::from_millis(300);
/// The line under a result and the next prompt.
const BELOW: usize = 2;
const WAY_OUT: &str = "\\G or .mode expanded shows all";

/// The terminal, for one result.
pub(super) struct Screen {
    pub mode: Format,
    /// How wide and high it is.
    pub size: Option<(usize, usize)>,
    pub pager: Option<Pager>,
    pub is_safe: bool,
    pub quiet: bool,
}

/// The first rows of a result.
#[derive(Default)]
struct First {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// Whether there are no others.
    is_all: bool,
}

impl Screen {
    /// Writes a result.
    ///
    /// # Errors
    /// The statement's own, or that the terminal or the pager cannot be used.
    pub(super) async fn write(
        self,
        schema: &SchemaRef,
        mut rows: Rows<'_>,
        meter: Option<Meter>,
        keeper: &mut Keeper,
    ) -> Result<Count> {
        if self.mode == Format::Chart {
            return self.draw(schema, rows, meter, keeper).await;
        }
        let room = self.room(schema.fields().len());
        let first = self.first(&mut rows, room, keeper).await?;
        // From here on rows and a meter would write over each other.
        drop(meter);
        match &self.pager {
            Some(pager) if first.rows > room => self.page(pager, schema, first, rows, keeper).await,
            _ => self.print(schema, first, rows, keeper).await,
        }
    }

    /// How many rows the screen holds.
    fn room(&self, columns: usize) -> usize {
        let Some((_, height)) = self.size else {
            return usize::MAX;
        };
        let lines = height.saturating_sub(BELOW);
        let (around, each) = match self.mode {
            Format::Table => (5, 1),
            Format::Expanded => (0, columns + 1),
            Format::Html => (columns + 5, columns + 2),
            Format::Json | Format::Markdown => (2, 1),
            _ => (1, 1),
        };
        lines.saturating_sub(around) / each
    }

    /// Takes rows until it is known whether they are more than the screen holds.
    async fn first(&self, rows: &mut Rows<'_>, room: usize, keeper: &mut Keeper) -> Result<First> {
        let wanted = if self.pager.is_some() {
            LAID_OUT.max(room)
        } else {
            SHOWN
        };
        let mut first = First::default();
        let mut deadline = None;
        while first.rows <= wanted {
            let next = match deadline {
                None => rows.next().await?,
                Some(deadline) => match timeout_at(deadline, rows.next()).await {
                    Ok(next) => next?,
                    Err(_) => return Ok(first),
                },
            };
            let Some(batch) = next else {
                first.is_all = true;
                keeper.is_whole = true;
                return Ok(first);
            };
            keeper.add(&batch);
            first.rows += batch.num_rows();
            first.batches.push(batch);
            if first.rows > room && self.pager.is_some() {
                deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
            }
        }
        Ok(first)
    }

    fn options(&self) -> RenderOptions {
        RenderOptions {
            row_count: self.quiet,
            fit: self.size.map(|(screen, _)| Fit {
                screen,
                way_out: WAY_OUT.to_owned(),
            }),
            groups: true,
            ..RenderOptions::default()
        }
    }

    /// A plan in the shape that fits.
    fn plan(&self, schema: &SchemaRef, first: &First) -> Result<Option<(SchemaRef, RecordBatch)>> {
        match self.size {
            Some((width, _)) if self.mode == Format::Table && first.is_all => {
                folded(schema, &first.batches, width)
            }
            _ => Ok(None),
        }
    }

    /// Writes to the terminal: a table's first rows, of other formats all.
    async fn print(
        &self,
        schema: &SchemaRef,
        first: First,
        mut rows: Rows<'_>,
        keeper: &mut Keeper,
    ) -> Result<Count> {
        let limit = match self.mode {
            Format::Table => SHOWN,
            _ => usize::MAX,
        };
        let mut renderer = Renderer::new(self.mode, Box::new(std::io::stdout()), self.options());
        let plan = self.plan(schema, &first)?;
        renderer.begin(plan.as_ref().map_or(schema, |(schema, _)| schema))?;
        let mut shown = 0;
        for batch in &first.batches {
            let part = batch.slice(0, batch.num_rows().min(limit - shown));
            shown += part.num_rows();
            if plan.is_none() {
                renderer.batch(&part)?;
            }
        }
        if let Some((_, plan)) = &plan {
            renderer.batch(plan)?;
        }
        let (mut seen, mut is_whole) = (first.rows, first.is_all);
        while !is_whole && seen <= limit {
            let batch = match rows.next().await {
                Ok(Some(batch)) => batch,
                Ok(None) => {
                    is_whole = true;
                    keeper.is_whole = true;
                    break;
                }
                Err(error) => {
                    renderer.abandon()?;
                    return Err(error);
                }
            };
            keeper.add(&batch);
            seen += batch.num_rows();
            let part = batch.slice(0, batch.num_rows().min(limit - shown));
            shown += part.num_rows();
            renderer.batch(&part)?;
        }
        renderer.end()?;
        renderer.finish()?;
        let count = Count {
            shown: shown as u64,
            seen: seen as u64,
            is_whole,
            is_paged: false,
            waited: Duration::ZERO,
        };
        count_others(count, rows, keeper).await
    }

    /// Writes to a pager until it has all or the person has seen enough.
    async fn page(
        &self,
        pager: &Pager,
        schema: &SchemaRef,
        first: First,
        mut rows: Rows<'_>,
        keeper: &mut Keeper,
    ) -> Result<Count> {
        let OpenPager { child, input } = pager.open(self.mode == Format::Table, self.is_safe)?;
        let mut options = self.options();
        options.row_count = true;
        if pager.scrolls_sideways() {
            options.fit = None;
        }
        let mut renderer = Renderer::new(self.mode, Box::new(input), options);
        let mut count = Count {
            shown: 0,
            seen: first.rows as u64,
            is_whole: first.is_all,
            is_paged: true,
            waited: Duration::ZERO,
        };
        let written = fill(&mut renderer, schema, first, &mut rows, keeper, &mut count).await;
        drop(renderer);
        reading(&mut count.waited, || pager.wait(child))?;
        if count.is_whole {
            rows.forget_interrupts();
        }
        match written {
            Err(error) if !is_broken_pipe(&error) => return Err(error),
            _ => {}
        }
        count_others(count, rows, keeper).await
    }

    /// Draws a chart, which is known when it is whole.
    async fn draw(
        &self,
        schema: &SchemaRef,
        mut rows: Rows<'_>,
        meter: Option<Meter>,
        keeper: &mut Keeper,
    ) -> Result<Count> {
        let drawing = Drawing::default();
        let mut renderer = Renderer::new(self.mode, Box::new(drawing.clone()), self.options());
        if let Err(error) = renderer.begin(schema) {
            count_others(Count::default(), rows, keeper).await?;
            return Err(error);
        }
        while let Some(batch) = rows.next().await? {
            keeper.add(&batch);
            renderer.batch(&batch)?;
        }
        keeper.is_whole = true;
        drop(meter);
        let mut count = Count::all(renderer.end()?);
        renderer.finish()?;
        let text = std::mem::take(&mut *drawing.0.lock());
        reading(&mut count.waited, || self.show(&text))?;
        rows.forget_interrupts();
        Ok(count)
    }

    /// Writes a text, in a pager if the screen does not hold it. Blocks.
    ///
    /// # Errors
    /// That the terminal or the pager cannot be used.
    pub(super) fn show(&self, text: &[u8]) -> Result<()> {
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        let height = self.size.map_or(usize::MAX, |(_, height)| height);
        match &self.pager {
            Some(pager) if lines + BELOW > height => {
                let OpenPager { child, mut input } = pager.open(false, self.is_safe)?;
                // Who leaves the pager early has seen enough.
                let _ = std::io::Write::write_all(&mut input, text);
                drop(input);
                pager.wait(child)
            }
            _ => {
                let written = std::io::Write::write_all(&mut std::io::stdout(), text);
                written.map_err(|e| Error::io("stdout", "write", e))
            }
        }
    }
}

/// Hands rows to a pager. A statement that is cancelled leaves what came before to be read.
async fn fill(
    renderer: &mut Renderer,
    schema: &SchemaRef,
    first: First,
    rows: &mut Rows<'_>,
    keeper: &mut Keeper,
    count: &mut Count,
) -> Result<()> {
    reading(&mut count.waited, || renderer.begin(schema))?;
    for batch in first.batches {
        reading(&mut count.waited, || renderer.batch(&batch))?;
        count.shown += batch.num_rows() as u64;
    }
    while !count.is_whole {
        match rows.next().await {
            Ok(Some(batch)) => {
                keeper.add(&batch);
                count.seen += batch.num_rows() as u64;
                reading(&mut count.waited, || renderer.batch(&batch))?;
                count.shown += batch.num_rows() as u64;
            }
            Ok(None) => {
                count.is_whole = true;
                keeper.is_whole = true;
            }
            Err(error) if error.code() == Code::Cancelled => break,
            Err(error) => return Err(error),
        }
    }
    reading(&mut count.waited, || renderer.end()).map(drop)
}

/// Does what may wait for the person who reads, and adds how long it took to `waited`.
fn reading<T>(waited: &mut Duration, work: impl FnOnce() -> T) -> T {
    let since = Instant::now();
    let done = block_in_place(work);
    *waited += since.elapsed();
    done
}

/// Counts the rows that are not shown, as long as they are few enough to be kept.
async fn count_others(mut count: Count, mut rows: Rows<'_>, keeper: &mut Keeper) -> Result<Count> {
    while !count.is_whole && !keeper.is_full() {
        match rows.next().await {
            Ok(Some(batch)) => {
                count.seen += batch.num_rows() as u64;
                keeper.add(&batch);
            }
            Ok(None) => {
                count.is_whole = true;
                keeper.is_whole = true;
            }
            // What is wanted is on the screen.
            Err(error) if error.code() == Code::Cancelled => break,
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Text that is drawn before it is shown.
#[derive(Clone, Default)]
pub(super) struct Drawing(pub(super) Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Drawing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_holds_what_the_format_leaves_room_for() {
        let room = |mode, columns| {
            Screen {
                mode,
                size: Some((80, 24)),
                pager: None,
                is_safe: false,
                quiet: false,
            }
            .room(columns)
        };
        assert_eq!(room(Format::Table, 3), 17);
        assert_eq!(room(Format::Expanded, 3), 5);
        assert_eq!(room(Format::Csv, 3), 21);
        assert_eq!(room(Format::Html, 40), 0);
    }
}
