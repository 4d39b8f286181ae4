//! Tests of `storage`.

use std::io::Write;
use std::path::Path;

use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

use super::*;
use crate::error::Code;

async fn listed(folder: &Path, location: &str) -> crate::Result<Vec<DataFile>> {
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let selection = Selection {
        is_data: |name| !name.ends_with(".md"),
        folders: None,
        seen: None,
    };
    list_files(&store, &Place::local(folder, location)?, selection).await
}

async fn names(folder: &Path) -> Vec<String> {
    let files = listed(folder, "").await.unwrap();
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
    for name in data.iter().chain(&[
        ".a",
        "_b",
        "_temporary/c.csv",
        "sub/.hidden/d.csv",
        "README.md",
        "d.csv.tmp",
        "e.csv~",
    ]) {
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
    assert_eq!(listed(folder.path(), "a.csv").await.unwrap().len(), 1);
    let error = listed(folder.path(), "gone").await.unwrap_err();
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

#[tokio::test]
async fn of_staged_files_that_cannot_all_be_published_none_is() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t");
    let staging = Staging::new(&table).unwrap();
    for name in ["p=1/a.csv", "p=2/a.csv"] {
        staging.create(Path::new(name)).unwrap().finish().unwrap();
    }
    // A file where the second partition's folder should be.
    touch(&table.join("p=2"));
    let error = staging.publish().unwrap_err();
    assert!(error.message().contains("p=2"), "{}", error.message());
    assert_eq!(names(&table).await, ["p=2"]);
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

#[tokio::test]
async fn a_pattern_chooses_files_by_their_path() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "a/x-1.csv",
        "a/x-2.csv",
        "a/y.csv",
        "b/x-1.csv",
        "b/c/x-1.csv",
        "n[o]t.csv",
    ] {
        touch(&folder.path().join(name));
    }
    let count = async |pattern: &str| listed(folder.path(), pattern).await.unwrap().len();
    assert_eq!(count("a/x-*.csv").await, 2);
    assert_eq!(count("*/x-1.csv").await, 2);
    assert_eq!(count("**/x-1.csv").await, 3);
    assert_eq!(count("?/[xy]*.csv").await, 4);
    // A name that is there is meant as it stands.
    assert_eq!(count("n[o]t.csv").await, 1);
}

#[tokio::test]
async fn folders_that_are_not_wanted_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["k=1/a.csv", "k=2/j=1/a.csv", "k=2/j=2/a.csv"] {
        touch(&folder.path().join(name));
    }
    let wanted = |folders: &[Vec<String>]| {
        let wanted = |folder: &Vec<String>| folder == &["k=2"] || folder == &["k=2", "j=1"];
        Ok(folders.iter().map(wanted).collect())
    };
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let selection = Selection {
        is_data: |_| true,
        folders: Some(&wanted),
        seen: None,
    };
    let place = Place::local(folder.path(), "").unwrap();
    let files = list_files(&store, &place, selection).await.unwrap();
    let folders: Vec<Vec<String>> = files.into_iter().map(|file| file.folders).collect();
    assert_eq!(folders, [["k=2", "j=1"]]);
}

#[tokio::test]
async fn a_pinned_file_is_not_read_once_another_is_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    touch(&folder.path().join("a.csv"));
    let meta = listed(folder.path(), "").await.unwrap().remove(0).meta;
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let pinned = Pinned::new(store, &meta);
    assert_eq!(pinned.get_range(&meta.location, 0..1).await.unwrap(), "x");
    write_atomically(&folder.path().join("a.csv"), b"y", OnExisting::Replace).unwrap();
    let error = pinned.get_range(&meta.location, 0..1).await.unwrap_err();
    assert!(
        matches!(error, object_store::Error::Precondition { .. }),
        "{error}"
    );
}

#[cfg(feature = "cloud")]
#[test]
fn a_malformed_key_of_a_store_is_said_and_not_shown() {
    let cases = [
        (
            "az://b",
            &[("account_name", "a"), ("account_key", "no key at all!")][..],
            "access key",
        ),
        (
            "gs://b",
            &[("service_account_key", "no key at all!")][..],
            "service account",
        ),
    ];
    for (url, options, what) in cases {
        let options = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let options = StoreOptions(options.collect());
        let error = open_store(&url::Url::parse(url).unwrap(), &options).unwrap_err();
        assert_eq!(error.code(), Code::InvalidDefinition);
        let said = format!("{} {:?}", error.message(), error.hint());
        assert!(
            said.contains(url) && said.contains("malformed") && said.contains(what),
            "{said}"
        );
        assert!(!said.contains("no key at all"), "{said}");
    }
}
