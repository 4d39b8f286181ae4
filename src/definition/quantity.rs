//! Sizes and durations as people write them: `512MB`, `1.5 GiB`, `30s`, `5 min`.
//!
//! A size's units are powers of 1024, whether or not they are spelled with an `i`, as in the peers
//! that people come from. A number alone is bytes, or seconds.

use std::time::Duration;

use crate::error::{Code, Error, Result};

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
    ("t", 1 << 40),
    ("tb", 1 << 40),
    ("tib", 1 << 40),
];

const DURATIONS: &[(&str, f64)] = &[
    ("", 1.0),
    ("ms", 0.001),
    ("s", 1.0),
    ("sec", 1.0),
    ("second", 1.0),
    ("seconds", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("minute", 60.0),
    ("minutes", 60.0),
    ("h", 3600.0),
    ("hour", 3600.0),
    ("hours", 3600.0),
    ("d", 86400.0),
    ("day", 86400.0),
    ("days", 86400.0),
];

/// A number of bytes.
///
/// ```
/// # use weir::definition::size_from_text;
/// assert_eq!(size_from_text("512MB").unwrap(), 512 << 20);
/// assert_eq!(size_from_text("1.5 GiB").unwrap(), 3 << 29);
/// ```
///
/// # Errors
/// [`Code::InvalidValue`].
pub fn size_from_text(text: &str) -> Result<u64> {
    let wrong = || {
        Error::new(Code::InvalidValue, format!("'{text}' is not a size"))
            .with_hint("a size is a number and a unit: 512MB, 1.5GB")
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let bytes = number * *factor as f64;
    if bytes > i64::MAX as f64 {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

/// A length of time.
///
/// ```
/// # use std::time::Duration;
/// # use weir::definition::duration_from_text;
/// assert_eq!(duration_from_text("1.5 min").unwrap(), Duration::from_secs(90));
/// assert_eq!(duration_from_text("0").unwrap(), Duration::ZERO);
/// ```
///
/// # Errors
/// [`Code::InvalidValue`].
pub fn duration_from_text(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::new(Code::InvalidValue, format!("'{text}' is not a length of time"))
            .with_hint("a length of time is a number and a unit: 500ms, 30s, 5min, 2h")
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let (_, factor) = DURATIONS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(wrong)?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())
}

/// A number that is not negative, and what follows it in lower case.
fn split(text: &str) -> Option<(f64, String)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim().to_ascii_lowercase()))
}

/// A number of bytes, with the largest unit that leaves a whole part: `512.0 MB`.
pub fn size_text(bytes: u64) -> String {
    let (name, factor) = [("GB", 1_u64 << 30), ("MB", 1 << 20), ("KB", 1 << 10)]
        .into_iter()
        .find(|(_, factor)| bytes >= *factor)
        .unwrap_or(("B", 1));
    match factor {
        1 => format!("{bytes} B"),
        factor => format!("{:.1} {name}", bytes as f64 / factor as f64),
    }
}

/// A length of time in its largest whole unit, so that it reads back as the same.
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("min", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let whole = units
        .into_iter()
        .find(|(_, unit)| milliseconds.is_multiple_of(*unit) && milliseconds >= *unit);
    whole.map_or_else(
        || "0".to_owned(),
        |(name, unit)| format!("{}{name}", milliseconds / unit),
    )
}
