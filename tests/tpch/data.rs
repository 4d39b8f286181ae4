//! The TPC-H tables as Parquet files: generated, the same rows on every machine.

use std::fs::{self, File};
use std::path::Path;
use std::thread;

use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RecordBatchIterator,
    RegionArrow, SupplierArrow,
};

/// About 100 MB of text: large enough for every query to have an answer.
const SCALE: f64 = 0.1;

/// The large tables are made in as many files.
const PARTS: i32 = 2;

/// The tables' names.
pub(crate) const TABLES: [&str; 8] = [
    "nation", "region", "part", "supplier", "partsupp", "customer", "orders", "lineitem",
];

/// Writes each table as files in a folder of its name under `root`.
pub(crate) fn generate(root: &Path) {
    for table in TABLES {
        fs::create_dir_all(root.join(table)).expect("a folder for the table");
    }
    thread::scope(|scope| {
        for part in 1..=PARTS {
            scope.spawn(move || generate_part(root, part));
        }
    });
}

fn generate_part(root: &Path, part: i32) {
    let to = |table: &str| root.join(table).join(format!("part-{part}.parquet"));
    if part == 1 {
        write(&to("nation"), NationArrow::new(NationGenerator::new(SCALE, 1, 1)));
        write(&to("region"), RegionArrow::new(RegionGenerator::new(SCALE, 1, 1)));
    }
    let (scale, parts) = (SCALE, PARTS);
    write(
        &to("supplier"),
        SupplierArrow::new(SupplierGenerator::new(scale, part, parts)),
    );
    write(
        &to("customer"),
        CustomerArrow::new(CustomerGenerator::new(scale, part, parts)),
    );
    write(
        &to("part"),
        PartArrow::new(PartGenerator::new(scale, part, parts)),
    );
    write(
        &to("partsupp"),
        PartSuppArrow::new(PartSuppGenerator::new(scale, part, parts)),
    );
    write(
        &to("orders"),
        OrderArrow::new(OrderGenerator::new(scale, part, parts)),
    );
    write(
        &to("lineitem"),
        LineItemArrow::new(LineItemGenerator::new(scale, part, parts)),
    );
}

fn write(path: &Path, batches: impl RecordBatchIterator) {
    let file = File::create(path).expect("a new file");
    // Dictionaries take a build without optimisation five times as long.
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .build();
    let schema = batches.schema().clone();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).expect("a Parquet writer");
    for batch in batches {
        writer.write(&batch).expect("a batch can be written");
    }
    writer.close().expect("the file can be ended");
}
