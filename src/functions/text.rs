//! `normalize_text`, `strip_html`: text without what only its writing adds.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use caseless::Caseless;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use html5gum::{DefaultEmitter, Token, Tokenizer};
use unicode_normalization::UnicodeNormalization;

use super::documentation::Described;
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    [Rewrite::Normalize, Rewrite::StripHtml].map(Shell::udf).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rewrite {
    Normalize,
    StripHtml,
}

const NORMALIZE_TEXT: Described = Described {
    section: "String Functions",
    sentence: "Text in one spelling: Unicode normal form C, outer white space trimmed, inner runs of white \
        space one space, letters case-folded (full folding, no locale), in that order; the result is in \
        normal form C and stays what it is when normalized again.",
    source: "Unicode Standard Annex #15 (NFC) and Unicode chapter 3.13 (toCasefold)",
    syntax: "normalize_text(s)",
    example: "SELECT normalize_text('  Straße \u{a0} 5 '); -- strasse 5",
    arguments: &[("s", "text")],
};

const STRIP_HTML: Described = Described {
    section: "String Functions",
    sentence: "The text of an HTML fragment: tags, comments, scripts and styles removed, character references \
        decoded, runs of white space one space. A tag that is not inline separates words.",
    source: "the tokenizer of the HTML Living Standard (section 13.2.5)",
    syntax: "strip_html(s)",
    example: "SELECT strip_html('<p>a &amp; <b>b</b></p><p>c</p>'); -- a & b c",
    arguments: &[("s", "HTML")],
};

impl ScalarFunction for Rewrite {
    fn name(&self) -> &'static str {
        match self {
            Self::Normalize => "normalize_text",
            Self::StripHtml => "strip_html",
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Normalize => NORMALIZE_TEXT,
            Self::StripHtml => STRIP_HTML,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[1])?;
        Ok(vec![text_type(self.name(), "s", &types[0])?])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Utf8View
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let text = arguments[0].text(self.name())?;
        let mut results = StringViewBuilder::with_capacity(rows);
        let mut scratch = String::new();
        for row in 0..rows {
            let Some(text) = text.get(row) else {
                results.append_null();
                continue;
            };
            scratch.clear();
            match self {
                Self::Normalize => normalize(text, &mut scratch),
                Self::StripHtml => strip_html(text, &mut scratch),
            }
            results.append_value(&scratch);
        }
        Ok(Arc::new(results.finish()))
    }
}

/// Appends the words of `text`, one space between them.
fn collapse(text: &str, into: &mut String) {
    for (i, word) in text.split_whitespace().enumerate() {
        if i > 0 {
            into.push(' ');
        }
        into.push_str(word);
    }
}

pub(super) fn normalize(text: &str, into: &mut String) {
    if text.is_ascii() {
        collapse(text, into);
        into.make_ascii_lowercase();
        return;
    }
    let composed: String = text.nfc().collect();
    let mut words = String::with_capacity(composed.len());
    collapse(&composed, &mut words);
    // Folding takes some letters apart, and what it takes apart may fold or compose again.
    let mut folded: String = words.chars().default_case_fold().nfc().collect();
    loop {
        let again: String = folded.chars().default_case_fold().nfc().collect();
        if again == folded {
            break;
        }
        folded = again;
    }
    into.push_str(&folded);
}

/// Elements within a line (phrasing content): their tags do not separate words.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr",
];

/// Elements whose content is no text of the page.
const UNSEEN: &[&str] = &["script", "style", "template", "noscript"];

pub(super) fn strip_html(html: &str, into: &mut String) {
    if !html.contains(['<', '&']) {
        return collapse(html, into);
    }
    let mut emitter = DefaultEmitter::default();
    // Within a script or a style, `<` begins no tag.
    emitter.naively_switch_states(true);
    let mut text = String::with_capacity(html.len());
    let mut unseen: Option<Vec<u8>> = None;
    for token in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Ok(Token::StartTag(tag)) => {
                if unseen.is_none() && !tag.self_closing && named(&tag.name, UNSEEN) {
                    unseen = Some(tag.name.to_vec());
                }
                separate(&tag.name, &mut text);
            }
            Ok(Token::EndTag(tag)) => {
                if unseen.as_deref() == Some(tag.name.as_slice()) {
                    unseen = None;
                }
                separate(&tag.name, &mut text);
            }
            Ok(Token::String(string)) if unseen.is_none() => text.push_str(&String::from_utf8_lossy(&string)),
            Ok(_) => {}
        }
    }
    collapse(&text, into);
}

fn named(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

fn separate(name: &[u8], text: &mut String) {
    if !named(name, INLINE) {
        text.push(' ');
    }
}
