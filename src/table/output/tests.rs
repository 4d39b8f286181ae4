//! What is written is there whole, or not at all.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};

use super::*;

fn batch() -> RecordBatch {
    let n = Int64Array::from(vec![Some(1), None, Some(3)]);
    let p = StringArray::from(vec![Some("a"), Some(""), None]);
    RecordBatch::try_from_iter([("n", Arc::new(n) as ArrayRef), ("p", Arc::new(p))]).unwrap()
}

fn format(format: Format) -> OutputFormat {
    OutputFormat {
        format,
        text: TextOptions::default(),
        compression: Compression::None,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let mut output = Output::to_file(&path, format(Format::Csv), &batch().schema()).unwrap();
    output.write(&batch()).unwrap();
    assert!(!path.exists());
    output.finish().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "n,p\n1,a\n,\"\"\n3,\n");
    assert_eq!(names(folder.path()), ["out.csv"]);
    drop(Output::to_file(&path, format(Format::Json), &batch().schema()).unwrap());
    assert_eq!(names(folder.path()), ["out.csv"]);
}

#[test]
fn a_folder_appears_whole_and_takes_no_others_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let begin = || Output::to_folder(&path, format(Format::Json), &batch().schema(), vec![1]);
    let mut output = begin().unwrap();
    output.write(&batch()).unwrap();
    assert!(!path.exists());
    output.finish().unwrap();
    assert_eq!(names(&path), ["p=", "p=__HIVE_DEFAULT_PARTITION__", "p=a"]);
    assert_eq!(begin().err().unwrap().code(), Code::DuplicateTable);
    assert_eq!(names(folder.path()), ["out"]);
}
