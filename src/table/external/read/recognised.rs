//! What a file is by its first bytes, to say why a reader of another format does not take it.

use crate::definition::Format;

/// So many bytes tell.
pub(in crate::table::external) const TELLING_BYTES: usize = 6;

/// How compressed files begin.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
];

/// How files of formats begin, and which of them are read.
const FORMATS: [(&[u8], &str, Option<Format>); 6] = [
    (b"PAR1", "a Parquet file", Some(Format::Parquet)),
    (b"ARROW1", "an Arrow file", Some(Format::Arrow)),
    (
        b"FEA1",
        "a Feather file of version 1, which is not read: write it again as version 2, which is Arrow",
        None,
    ),
    (b"Obj\x01", "an Avro file", Some(Format::Avro)),
    (b"ORC", "an ORC file", None),
    (b"PK\x03\x04", "a ZIP archive", None),
];

/// Why a file that begins so is none of `format`, if its beginning tells.
pub(in crate::table::external) fn other_than(format: Format, first: &[u8]) -> Option<String> {
    let compressed = COMPRESSED.iter().find(|(sign, _)| first.starts_with(sign));
    if let Some((_, compression)) = compressed {
        return Some(format!(
            "it is compressed as a whole, with {compression}, and {format} files are compressed within: unpack it"
        ));
    }
    let (_, kind, is) = FORMATS.iter().find(|(sign, ..)| first.starts_with(sign))?;
    (*is != Some(format)).then(|| format!("it is {kind}"))
}
