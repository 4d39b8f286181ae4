//! CSV after RFC 4180, with a header and lines that end in LF.

use super::delimited::Notation;

pub(super) const CSV: Notation = Notation {
    separator: ',',
    null: "",
    write_field,
};

/// Appends a field that is not NULL.
fn write_field(text: &str, out: &mut String) {
    if !needs_quotes(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    let mut parts = text.split('"');
    out.extend(parts.next());
    for part in parts {
        out.push_str("\"\"");
        out.push_str(part);
    }
    out.push('"');
}

/// The empty text, what would end the field, and spaces that a reader might trim.
fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.starts_with([' ', '\t'])
        || text.ends_with([' ', '\t'])
        || text.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'))
}
