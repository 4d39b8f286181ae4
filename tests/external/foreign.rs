//! Files of another format than their names say: the reason is what they are.

use std::fs;

use weir::error::Code;

use super::{done, integers, lake};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_format_is_told_by_its_beginning() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let path = |name: &str| folder.path().join(name).display().to_string();
    done(
        &lake,
        &format!("COPY (SELECT 1 AS a) TO '{}'", path("good.parquet")),
    )
    .await;
    done(
        &lake,
        &format!("COPY (SELECT 1 AS a) TO '{}'", path("good.arrow")),
    )
    .await;
    let parquet = fs::read(path("good.parquet")).expect("a file");
    let arrow = fs::read(path("good.arrow")).expect("a file");
    let gzip = b"\x1f\x8b\x08\0aaaaaaaaaaaa".to_vec();
    let zstd = b"\x28\xb5\x2f\xfdaaaaaaaaaaaa".to_vec();
    let feather = b"FEA1aaaaaaaaaaaaFEA1".to_vec();
    let cases = [
        (
            "a.avro.gz",
            &gzip,
            "compressed as a whole, with gzip, and avro files",
        ),
        (
            "a.arrow.zst",
            &zstd,
            "compressed as a whole, with zstd, and arrow files",
        ),
        (
            "a.parquet.gz",
            &gzip,
            "compressed as a whole, with gzip, and parquet files",
        ),
        ("old.feather", &feather, "Feather file of version 1"),
        ("p.avro", &parquet, "it is a Parquet file"),
        ("p.arrow", &parquet, "it is a Parquet file"),
        ("a.parquet", &arrow, "it is an Arrow file"),
    ];
    for (name, bytes, why) in cases {
        fs::write(path(name), bytes).expect("a file");
        let error = integers(&lake, &format!("SELECT * FROM '{}'", path(name)))
            .await
            .expect_err("it cannot be read");
        assert_eq!(error.code(), Code::CorruptFile, "{}", error.report());
        assert!(
            error.message().contains(why) && error.message().contains(name),
            "{}",
            error.report()
        );
    }
    // What is cut off is no other format.
    fs::write(path("cut.parquet"), &parquet[..parquet.len() / 2]).expect("a file");
    let error = integers(&lake, &format!("SELECT * FROM '{}'", path("cut.parquet")))
        .await
        .expect_err("it cannot be read");
    assert!(!error.message().contains("it is a"), "{}", error.report());
}
