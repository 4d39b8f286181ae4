//! Tests of `storage`.

use std::io::Write;
use std::path::Path;

use object_store::local::LocalFileSystem;

use super::*;
use crate::error::Code;

async fn names(folder: &Path) -> Vec<String> {
    let files = list_files(&LocalFileSystem::new(), folder).await.unwrap();
    let prefix = object_store::path::Path::from_absolute_path(folder).unwrap();
    let relative = |file: DataFile| file.meta.location.as_ref()[prefix.as_ref().len() + 1..].to_owned();
    files.into_iter().map(relative).collect()
}

fn touch(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "x").unwrap();
}

#[tokio::test]
async fn hidden_files_are_no_data_and_odd_names_are() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["a b=c.csv", "_k=1/x.csv", "dt=1%2F2/数据.csv", "sub/deeper/y.csv"];
    for name in data
        .iter()
        .chain(&[".a", "_b", "_temporary/c.csv", "sub/.hidden/d.csv"])
    {
        touch(&folder.path().join(name));
    }
    let mut expected = data.map(str::to_owned);
    expected.sort();
    let mut found = names(folder.path()).await;
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_file_lists_itself_and_an_absent_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    touch(&folder.path().join("a.csv"));
    let store = LocalFileSystem::new();
    assert_eq!(
        list_files(&store, &folder.path().join("a.csv"))
            .await
            .unwrap()
            .len(),
        1
    );
    let error = list_files(&store, &folder.path().join("gone")).await.unwrap_err();
    assert_eq!(error.code(), Code::UndefinedFile);
    assert!(error.message().contains("gone"));
}

#[tokio::test]
async fn staged_files_are_seen_when_published_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t");
    let staging = Staging::new(&table).unwrap();
    for name in ["p=1/a.csv", "p=2/a.csv"] {
        let mut file = staging.create(Path::new(name)).unwrap();
        file.write_all(b"x").unwrap();
        file.finish().unwrap();
    }
    assert!(names(&table).await.is_empty());
    staging.publish().unwrap();
    assert_eq!(names(&table).await, ["p=1/a.csv", "p=2/a.csv"]);

    let staging = Staging::new(&table).unwrap();
    staging.create(Path::new("b.csv")).unwrap().finish().unwrap();
    drop(staging);
    assert_eq!(
        std::fs::read_dir(&table).unwrap().count(),
        2,
        "nothing is left behind"
    );
}

#[test]
fn a_file_is_replaced_or_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/a.toml");
    let write = |text: &str, on_existing| write_atomically(&path, text.as_bytes(), on_existing).unwrap();
    assert_eq!(write("1", OnExisting::Keep), Published::Yes);
    assert_eq!(write("2", OnExisting::Keep), Published::KeptExisting);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1");
    assert_eq!(write("3", OnExisting::Replace), Published::Yes);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "3");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}
