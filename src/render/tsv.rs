//! Tab-separated text as PostgreSQL's COPY writes it, with a header.

use super::delimited::Notation;

pub(super) const TSV: Notation = Notation {
    separator: '\t',
    null: "\\N",
    write_field,
};

/// Appends a field that is not NULL.
fn write_field(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((at, escape)) = rest
        .bytes()
        .enumerate()
        .find_map(|(at, b)| Some((at, escape(b)?)))
    {
        out.push_str(&rest[..at]);
        out.push_str(escape);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

fn escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'\t' => Some("\\t"),
        b'\n' => Some("\\n"),
        b'\r' => Some("\\r"),
        b'\\' => Some("\\\\"),
        0x08 => Some("\\b"),
        0x0b => Some("\\v"),
        0x0c => Some("\\f"),
        _ => None,
    }
}
