//! Where each row's frame begins and ends.
//!
//! Rows are counted from the first of the stream. Those of one partition are a segment; rows without a
//! key of order are one of their own, all with the same tick.

use std::collections::VecDeque;

/// How far a frame reaches around its row, in ticks, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Reach {
    pub(super) before: u64,
    pub(super) after: u64,
}

/// The rows of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) from: usize,
    pub(super) until: usize,
}

/// The rows of a segment so far.
#[derive(Debug, Clone, Copy)]
struct Segment {
    from: usize,
    until: usize,
    /// Whether more may follow.
    open: bool,
}

/// The ticks of rows that are part of a frame to come.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    ticks: Vec<i64>,
    /// The row of `ticks[0]`.
    first: usize,
    segments: VecDeque<Segment>,
}

impl Ticks {
    /// Adds rows, which go on with the last segment if they `continue` it.
    pub(super) fn push(&mut self, ticks: &[i64], continues: bool) {
        if !continues {
            self.close();
        }
        let from = self.rows();
        self.ticks.extend_from_slice(ticks);
        let until = self.rows();
        match self.segments.back_mut().filter(|last| last.open) {
            Some(last) => last.until = until,
            None => self.segments.push_back(Segment {
                from,
                until,
                open: true,
            }),
        }
    }

    /// The last segment has no further rows.
    pub(super) fn close(&mut self) {
        if let Some(last) = self.segments.back_mut() {
            last.open = false;
        }
    }

    /// How many rows there were.
    fn rows(&self) -> usize {
        self.first + self.ticks.len()
    }

    /// Lets go of the rows before `row`.
    pub(super) fn release(&mut self, row: usize) {
        while self
            .segments
            .front()
            .is_some_and(|segment| !segment.open && segment.until <= row)
        {
            self.segments.pop_front();
        }
        let gone = row - self.first;
        // Moving what stays costs no more than what goes has brought.
        if gone * 2 >= self.ticks.len() {
            self.ticks.drain(..gone);
            self.first = row;
        }
    }

    pub(super) fn size(&self) -> usize {
        self.ticks.capacity() * size_of::<i64>() + self.segments.capacity() * size_of::<Segment>()
    }
}

/// Finds the frames of one reach, row by row.
#[derive(Debug)]
pub(super) struct Bounds {
    reach: Reach,
    /// The row whose frame is next.
    next: usize,
    frame: Frame,
}

impl Bounds {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            next: 0,
            frame: Frame { from: 0, until: 0 },
        }
    }

    /// How many rows' frames are known.
    pub(super) fn known(&self) -> usize {
        self.next
    }

    /// The first row that frames to come may need.
    pub(super) fn needed(&self) -> usize {
        self.frame.from.min(self.next)
    }

    /// The frames that are complete by now.
    pub(super) fn complete(&mut self, rows: &Ticks) -> Vec<Frame> {
        let mut frames = Vec::with_capacity(rows.rows() - self.next);
        for segment in &rows.segments {
            if segment.until <= self.next {
                continue;
            }
            self.frame.from = self.frame.from.max(segment.from);
            self.frame.until = self.frame.until.max(segment.from);
            // Positions within the segment's part of the ticks that are held.
            let held = segment.from.max(rows.first);
            let ticks = &rows.ticks[held - rows.first..segment.until - rows.first];
            let (mut from, mut until) = (self.frame.from - held, self.frame.until - held);
            for (row, tick) in ticks.iter().enumerate().skip(self.next - held) {
                while ticks
                    .get(until)
                    .is_some_and(|other| until <= row || distance(*tick, *other) <= self.reach.after)
                {
                    until += 1;
                }
                if until == ticks.len() && segment.open {
                    break;
                }
                while distance(ticks[from], *tick) > self.reach.before {
                    from += 1;
                }
                frames.push(Frame {
                    from: from + held,
                    until: until + held,
                });
                self.next = row + held + 1;
            }
            self.frame = Frame {
                from: from + held,
                until: until + held,
            };
        }
        frames
    }
}

/// From one tick to one that is not before it.
fn distance(from: i64, to: i64) -> u64 {
    to.wrapping_sub(from).cast_unsigned()
}
