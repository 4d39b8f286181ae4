//! Digits in groups of three, where a person reads.

/// Names of columns whose numbers stand for a thing or a moment and count nothing.
const NAMING: &[&str] = &["id", "key", "code", "year", "zip", "version", "port", "pid"];

/// Whether the numbers of a column are read as amounts, by its name: those of `user_id`, `orderId` or
/// `year` are not.
pub(super) fn are_amounts(name: &str) -> bool {
    // How many ids there are is no id.
    if name.to_lowercase().starts_with("count(") {
        return true;
    }
    let mut word = String::new();
    let mut words = Vec::new();
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && was_lower {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.push(word);
    !words.iter().any(|word| NAMING.contains(&word.as_str()))
}

/// Puts commas into the number that `text` has from byte `start` on: `-1234567.5` becomes
/// `-1,234,567.5`. What does not begin as a number stays, as does one with an exponent.
pub(super) fn group(text: &mut String, start: usize) {
    let number = &text[start..];
    let sign = usize::from(number.starts_with('-'));
    let digits = number[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let rest = &number[sign + digits..];
    let is_plain = rest.is_empty() || rest.starts_with('.') && !rest.contains(['e', 'E']);
    if digits <= 3 || !is_plain {
        return;
    }
    let mut at = start + sign + digits;
    let first = start + sign;
    while at > first + 3 {
        at -= 3;
        text.insert(at, ',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_grouped() {
        for (plain, expected) in [
            ("1", "1"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567", "-1,234,567"),
            ("123456.789", "123,456.789"),
            ("-123.5678", "-123.5678"),
            ("1e10", "1e10"),
            ("1234567.5e3", "1234567.5e3"),
            ("NaN", "NaN"),
            ("NULL", "NULL"),
            ("2026-01-01", "2026-01-01"),
        ] {
            let mut text = format!("x{plain}");
            group(&mut text, 1);
            assert_eq!(text[1..], *expected);
        }
    }

    #[test]
    fn what_names_a_thing_is_no_amount() {
        for name in ["id", "user_id", "orderId", "ID", "year", "zip code", "order key"] {
            assert!(!are_amounts(name), "{name}");
        }
        for name in ["amount", "paid", "width", "count(*)", "userIdle", "n", ""] {
            assert!(are_amounts(name), "{name}");
        }
    }
}
