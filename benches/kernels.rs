//! Kernels by themselves: scalar functions over Arrow arrays, and results written in each format.
//!
//! One thread, one batch of the size that DataFusion computes with, over and over. What operators
//! make of such kernels is in `operators.rs`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run ends")]

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, FieldRef};
use criterion::{Criterion, Throughput};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};
use weir::render::{Format, RenderOptions, Renderer};

/// The program's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROWS: usize = 8192;

/// The functions, each with its texts: one argument or two.
const FUNCTIONS: &[(&str, usize)] = &[
    ("normalize_text", 1),
    ("strip_html", 1),
    ("is_email", 1),
    ("damerau_levenshtein", 2),
    ("jaro_winkler", 2),
];

fn texts(stride: usize) -> ArrayRef {
    let text = |row: usize| match row * stride % 16 {
        0 => None,
        1 => Some(format!("  STRASSE  {row}\u{e9} <b>bold</b> &amp; more ")),
        _ => Some(format!(
            "user.{}@mail-{}.example.com",
            row * stride % 5000,
            row % 7
        )),
    };
    Arc::new((0..ROWS).map(text).collect::<StringArray>())
}

fn function(name: &str) -> Arc<ScalarUDF> {
    let named = |function: &Arc<ScalarUDF>| {
        function.name() == name || function.aliases().iter().any(|alias| alias == name)
    };
    weir::functions::scalar().into_iter().find(named).unwrap()
}

/// What the planner hands a function with a batch of its arguments.
fn arguments(function: &ScalarUDF, arrays: &[ArrayRef]) -> ScalarFunctionArgs {
    let fields: Vec<FieldRef> = arrays
        .iter()
        .map(|array| Arc::new(Field::new("a", array.data_type().clone(), true)))
        .collect();
    let scalars = vec![None; fields.len()];
    let told = ReturnFieldArgs {
        arg_fields: &fields,
        scalar_arguments: &scalars,
    };
    let return_field = function.return_field_from_args(told).unwrap();
    ScalarFunctionArgs {
        args: arrays.iter().cloned().map(ColumnarValue::Array).collect(),
        arg_fields: fields,
        number_rows: ROWS,
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    }
}

fn functions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("function");
    group.throughput(Throughput::Elements(ROWS as u64));
    let columns = [texts(1), texts(3)];
    for (name, count) in FUNCTIONS {
        let function = function(name);
        let given = arguments(&function, &columns[..*count]);
        group.bench_function(*name, |bencher| {
            bencher.iter(|| function.invoke_with_args(black_box(given.clone())).unwrap());
        });
    }
    group.finish();
}

fn result() -> RecordBatch {
    let ids = Int64Array::from_iter_values((0..ROWS).map(|row| row as i64 * 7919));
    let amounts: Float64Array = (0..ROWS)
        .map(|row| (row % 11 != 0).then_some(row as f64 / 8.0))
        .collect();
    let moments = TimestampMicrosecondArray::from_iter_values(
        (0..ROWS).map(|row| 1_767_225_600_000_000 + row as i64 * 1_000_003),
    );
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("id", Arc::new(ids), false),
        ("amount", Arc::new(amounts), true),
        ("moment", Arc::new(moments), false),
        ("text", texts(1), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn formats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements(ROWS as u64));
    let batch = result();
    // A chart keeps what it draws and no rows.
    for format in Format::ALL
        .iter()
        .copied()
        .filter(|format| *format != Format::Chart)
    {
        group.bench_function(format.name(), |bencher| {
            bencher.iter(|| {
                let mut renderer = Renderer::new(format, Box::new(io::sink()), RenderOptions::default());
                renderer.begin(&batch.schema()).unwrap();
                renderer.batch(black_box(&batch)).unwrap();
                renderer.end().unwrap();
                renderer.finish().unwrap();
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    functions(&mut criterion);
    formats(&mut criterion);
    criterion.final_summary();
}
