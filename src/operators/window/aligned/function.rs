//! What SQL calls the three by, and their arguments.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan};

use super::logical::AlignedNode;
use super::{Shape, Windows};
use crate::error::Code;
use crate::operators::window::arguments::{self, NULLS, OFFSET, TS, ZONE};
use crate::operators::window::grid::Grid;
use crate::operators::window::{WINDOW_END, WINDOW_START};
use crate::operators::{Binding, Call, Parameter, RelationFunction, Signature};

/// One of the three.
#[derive(Debug)]
pub(in crate::operators) struct Aligned {
    shape: Shape,
    /// The argument that gives the panes, where it is not the size.
    pane: Option<&'static str>,
    signature: Signature,
}

const SIZE: Parameter = Parameter {
    name: "size",
    meaning: "how long a window is",
    binding: Binding::Required,
};

const SOURCE: &str = "Flink's and RisingWave's window table functions";

pub(in crate::operators) const TUMBLE: Aligned = Aligned {
    shape: Shape::Tumble,
    pane: None,
    signature: Signature {
        name: "tumble",
        syntax: "TUMBLE(t, ts, size [, offset] [, zone => 'Europe/Berlin'] [, nulls => 'skip'])",
        sentence: "Each row with the one window of that size that it lies in: window_start, and window_end, \
            which is outside.",
        source: SOURCE,
        example: "SELECT window_start, count(*) FROM TUMBLE((SELECT TIMESTAMP '2026-01-01 10:07:00' AS ts), ts, \
            INTERVAL '5 minutes') GROUP BY window_start; -- 2026-01-01T10:05:00, 1",
        parameters: &[TS, SIZE, OFFSET, ZONE, NULLS],
    },
};

pub(in crate::operators) const HOP: Aligned = Aligned {
    shape: Shape::Hop,
    pane: Some("slide"),
    signature: Signature {
        name: "hop",
        syntax: "HOP(t, ts, slide, size [, offset] [, zone => 'Europe/Berlin'] [, nulls => 'skip'])",
        sentence: "Each row once for each window that it lies in, of those of one size that begin every slide. The \
            size is a multiple of the slide.",
        source: SOURCE,
        example: "SELECT window_start FROM HOP((SELECT TIMESTAMP '2026-01-01 10:07:00' AS ts), ts, \
            INTERVAL '5 minutes', INTERVAL '10 minutes') ORDER BY 1; -- 2026-01-01T10:00:00;2026-01-01T10:05:00",
        parameters: &[
            TS,
            Parameter {
                name: "slide",
                meaning: "how far apart windows begin",
                binding: Binding::Required,
            },
            SIZE,
            OFFSET,
            ZONE,
            NULLS,
        ],
    },
};

pub(in crate::operators) const CUMULATE: Aligned = Aligned {
    shape: Shape::Cumulate,
    pane: Some("step"),
    signature: Signature {
        name: "cumulate",
        syntax: "CUMULATE(t, ts, step, size [, offset] [, zone => 'Europe/Berlin'] [, nulls => 'skip'])",
        sentence: "Each row once for each window that it lies in, of those that begin together every size and end \
            one step apart. The size is a multiple of the step.",
        source: SOURCE,
        example: "SELECT window_end FROM CUMULATE((SELECT TIMESTAMP '2026-01-01 10:07:00' AS ts), ts, \
            INTERVAL '5 minutes', INTERVAL '15 minutes') ORDER BY 1; -- 2026-01-01T10:10:00;2026-01-01T10:15:00",
        parameters: &[
            TS,
            Parameter {
                name: "step",
                meaning: "how far apart windows that begin together end",
                binding: Binding::Required,
            },
            SIZE,
            OFFSET,
            ZONE,
            NULLS,
        ],
    },
};

impl RelationFunction for Aligned {
    fn signature(&self) -> &'static Signature {
        match self.shape {
            Shape::Tumble => &TUMBLE.signature,
            Shape::Hop => &HOP.signature,
            Shape::Cumulate => &CUMULATE.signature,
        }
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let (column, time) = arguments::time(&mut call)?;
        let zone = arguments::zone(&mut call, &time)?;
        let pane = match self.pane {
            Some(pane) => Some((pane, arguments::length(&mut call, pane, &time, zone.is_some())?)),
            None => None,
        };
        let size = arguments::length(&mut call, SIZE.name, &time, zone.is_some())?;
        let offset = arguments::offset(&mut call, &time)?;
        if let Some((name, ticks)) = pane
            && size % ticks != 0
        {
            let problem = format!("must be a multiple of argument '{name}'");
            return Err(call.refuse(Code::InvalidValue, SIZE.name, problem));
        }
        let ticks = pane.map_or(size, |(_, ticks)| ticks);
        let windows = Windows {
            shape: self.shape,
            panes: size / ticks,
            grid: Grid::new(time, ticks, offset, zone),
        };
        let skip = arguments::skips_nulls(&mut call)?;
        let input = arguments::input(call, &column, skip, &[WINDOW_START, WINDOW_END])?;
        let node = AlignedNode::new(input, Expr::Column(column), windows)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}
