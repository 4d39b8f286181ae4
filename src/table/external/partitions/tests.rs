//! Tests of `partitions`.

use std::path::Path;

use arrow::array::{Date32Array, Int64Array};
use arrow::datatypes::DataType;
use object_store::ObjectMeta;

use super::*;

fn file(folders: &[&str]) -> DataFile {
    DataFile {
        meta: ObjectMeta {
            location: "t/x.parquet".into(),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: None,
            version: None,
        },
        folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
    }
}

#[test]
fn every_text_comes_back_from_its_folder() {
    let texts = [
        Some("plain"),
        Some(""),
        Some(NULL),
        Some("a/b=c"),
        Some("100 %"),
        Some("%5F"),
        Some("数据"),
        Some(".."),
        None,
    ];
    let column = Column::new("k=1", DataType::Utf8View);
    let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let folders: Vec<PathBuf> = (0..texts.len())
        .map(|row| partition_folders(&["k=1".to_owned()], std::slice::from_ref(&array), row).unwrap())
        .collect();
    for (i, folder) in folders.iter().enumerate() {
        assert_eq!(folder.components().count(), 1, "{folder:?}");
        assert!(!folders[..i].contains(folder));
    }
    let files: Vec<DataFile> = folders
        .iter()
        .map(|folder| file(&[folder.to_str().unwrap()]))
        .collect();
    let back = values("t", &[column], &files).unwrap().remove(0);
    let back = arrow::compute::cast(&back, &DataType::Utf8).unwrap();
    assert_eq!(&back, &array);
}

#[test]
fn values_have_their_types_and_levels() {
    let columns = [
        Column::new("dt", DataType::Date32),
        Column::new("n", DataType::Int64),
    ];
    let files = [
        file(&["dt=1970-01-03", "n=-7"]),
        file(&["dt=__HIVE_DEFAULT_PARTITION__", "n=8", "deeper"]),
    ];
    let found = values("t", &columns, &files).unwrap();
    assert_eq!(
        found[0].as_ref(),
        &Date32Array::from(vec![Some(2), None]) as &dyn Array
    );
    assert_eq!(found[1].as_ref(), &Int64Array::from(vec![-7, 8]) as &dyn Array);
    let keys = [Arc::clone(&found[0]), Arc::clone(&found[1])];
    let names = ["dt".to_owned(), "n".to_owned()];
    assert_eq!(
        partition_folders(&names, &keys, 0).unwrap(),
        Path::new("dt=1970-01-03/n=-7")
    );
}

#[test]
fn a_file_in_the_wrong_folder_is_named() {
    let column = [Column::new("n", DataType::Int64)];
    for folders in [vec![], vec!["m=1"], vec!["n=one"], vec!["x", "n=1"]] {
        let error = values("raw.t", &column, &[file(&folders)]).unwrap_err();
        assert!(
            error.message().contains("t/x.parquet") && error.message().contains("'n'"),
            "{error}"
        );
    }
}
