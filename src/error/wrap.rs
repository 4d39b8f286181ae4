//! Texts for people on a terminal of some width.

use unicode_width::UnicodeWidthStr;

/// A text whose lines are broken between words so that none is wider than `width`, where that can be. A
/// word that is wider stays whole: it may be a path that is copied. What is indented stays so.
pub fn wrapped(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| match line.width() > width {
        true => wrapped_line(line, width),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    let indent = &line[..line.len() - line.trim_start().len()];
    let mut text = indent.to_owned();
    let mut used = indent.width();
    let mut is_first = true;
    for part in line[indent.len()..].split_inclusive(' ') {
        let word = part.trim_end();
        if !is_first && used + word.width() > width {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            text.push_str(indent);
            used = indent.width();
        }
        is_first = false;
        text.push_str(part);
        used += part.width();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words() {
        for (text, width, expected) in [
            ("read 12 rows in 3 s", 80, "read 12 rows in 3 s"),
            ("read 12 rows in 3 s", 12, "read 12 rows\nin 3 s"),
            (
                "cannot read '/a/very/long/path': gone",
                12,
                "cannot read\n'/a/very/long/path':\ngone",
            ),
            ("a\n  b c d", 5, "a\n  b c\n  d"),
            ("数据 数据", 5, "数据\n数据"),
            ("", 5, ""),
        ] {
            assert_eq!(wrapped(text, width), expected);
        }
    }
}
