//! Distances and buckets of time; the answers are DuckDB's.

use super::session::{refusal, shown};

#[tokio::test]
async fn date_diff_counts_boundaries() {
    for (unit, start, end, wanted) in [
        ("month", "DATE '1992-01-31'", "DATE '1992-02-01'", "1"),
        ("quarter", "DATE '2024-03-31'", "DATE '2024-04-01'", "1"),
        (
            "hour",
            "TIMESTAMP '2024-01-01 10:59:59'",
            "TIMESTAMP '2024-01-01 11:00:00'",
            "1",
        ),
        ("year", "DATE '2024-12-31'", "DATE '2023-01-01'", "-1"),
        ("decade", "DATE '1999-12-31'", "DATE '2000-01-01'", "1"),
        ("century", "DATE '1999-12-31'", "DATE '2000-01-01'", "1"),
        ("millennium", "DATE '1999-12-31'", "DATE '2000-01-01'", "1"),
        (
            "day",
            "TIMESTAMP '1969-12-31 23:00:00'",
            "TIMESTAMP '1970-01-01 01:00:00'",
            "1",
        ),
        (
            "milliseconds",
            "TIMESTAMP '1969-12-31 23:59:59.9995'",
            "TIMESTAMP '1970-01-01 00:00:00'",
            "1",
        ),
        (
            "minute",
            "TIMESTAMP '1969-12-31 23:59:59.5'",
            "TIMESTAMP '1970-01-01 00:00:00'",
            "1",
        ),
        // From a Sunday to the Monday after it.
        ("week", "DATE '2024-01-07'", "DATE '2024-01-08'", "1"),
        ("WEEK", "DATE '1960-01-01'", "DATE '1970-01-05'", "523"),
        (
            "us",
            "arrow_cast('1970-01-01T00:00:00', 'Timestamp(Second, None)')",
            "arrow_cast('1970-01-01T00:00:00.000001', 'Timestamp(Nanosecond, Some(\"UTC\"))')",
            "1",
        ),
        ("day", "NULL", "DATE '2024-01-01'", "∅"),
    ] {
        let sql = format!("SELECT date_diff('{unit}', {start}, {end})");
        assert_eq!(shown(&sql).await, wanted, "{sql}");
    }
    let sql = "SELECT date_diff(u, DATE '2024-01-01', d) FROM (VALUES ('day', DATE '2024-02-01'), ('month', DATE '2024-02-01'), (NULL, NULL)) t(u, d)";
    assert_eq!(shown(sql).await, "31;1;∅");
    assert_eq!(
        refusal("SELECT date_diff('dya', now(), now())").await,
        "22023 date_diff: argument 'unit' is no unit of time: 'dya'"
    );
    assert_eq!(
        refusal("SELECT datediff('day', 'x', now())").await,
        "42804 date_diff: argument 'start' must be a date or timestamp, not VARCHAR"
    );
}

#[tokio::test]
async fn date_sub_counts_whole_units() {
    for (unit, start, end, wanted) in [
        ("month", "2024-01-31 12:00:00", "2024-02-29 12:00:00", "1"),
        ("month", "2024-01-31 12:00:00", "2024-02-29 11:59:59", "0"),
        ("month", "2024-03-31 00:00:00", "2024-02-29 00:00:00", "-1"),
        ("year", "2024-02-29 00:00:00", "2025-02-28 00:00:00", "1"),
        ("day", "2024-01-01 10:00:00", "2024-01-02 09:59:00", "0"),
        ("month", "2024-02-29 00:00:00", "2024-01-31 00:00:00", "-1"),
        ("month", "2024-02-29 00:00:00", "2024-01-30 00:00:00", "-1"),
        ("month", "2024-01-30 00:00:00", "2024-02-29 00:00:00", "1"),
        ("week", "2024-01-07 00:00:00", "2024-01-14 00:00:00", "1"),
        ("hour", "2024-01-01 01:00:00", "2024-01-01 00:00:01", "0"),
    ] {
        let sql = format!("SELECT date_sub('{unit}', TIMESTAMP '{start}', TIMESTAMP '{end}')");
        assert_eq!(shown(&sql).await, wanted, "{sql}");
    }
}

#[tokio::test]
async fn time_bucket_starts_where_the_bucket_does() {
    for (width, ts, wanted) in [
        (
            "5 minutes",
            "TIMESTAMP '2024-01-01 10:07:30'",
            "2024-01-01T10:05:00",
        ),
        ("1 week", "DATE '2024-01-03'", "2024-01-01"),
        ("1 month", "DATE '2024-01-15'", "2024-01-01"),
        (
            "2 weeks",
            "TIMESTAMP '2024-01-20 00:00:00'",
            "2024-01-15T00:00:00",
        ),
        (
            "3 months",
            "TIMESTAMP '2024-02-20 00:00:00'",
            "2024-01-01T00:00:00",
        ),
        ("1 day", "TIMESTAMP '1969-05-05 03:00:00'", "1969-05-05T00:00:00"),
        ("2 weeks", "DATE '1999-01-20'", "1999-01-18"),
        ("7 days", "DATE '2000-01-01'", "1999-12-27"),
        ("10 minutes", "DATE '2000-01-01'", "2000-01-01"),
        ("5 months", "DATE '2024-02-20'", "2023-10-01"),
        ("1 year", "DATE '1990-02-20'", "1990-01-01"),
        (
            "1 second",
            "arrow_cast('2024-01-01T00:00:01.5', 'Timestamp(Millisecond, Some(\"UTC\"))')",
            "2024-01-01T00:00:01Z",
        ),
    ] {
        let sql = format!("SELECT time_bucket(INTERVAL '{width}', {ts})");
        assert_eq!(shown(&sql).await, wanted, "{sql}");
    }
    let origin = "SELECT time_bucket(INTERVAL '3 days', TIMESTAMP '2024-01-20 00:00:00', TIMESTAMP '2024-01-02 01:00:00')";
    assert_eq!(shown(origin).await, "2024-01-17T01:00:00");
    let origin = "SELECT time_bucket(INTERVAL '5 months', TIMESTAMP '2024-02-20 00:00:00', TIMESTAMP '2023-01-31 00:00:00')";
    assert_eq!(shown(origin).await, "2023-11-01T00:00:00");
    assert_eq!(shown("SELECT time_bucket(INTERVAL '1 day', x) FROM (VALUES (TIMESTAMP '2024-01-01 10:00:00'), (NULL)) t(x)").await, "2024-01-01T00:00:00;∅");
}

#[tokio::test]
async fn widths_have_a_length() {
    let call =
        |width: &str| format!("SELECT time_bucket(INTERVAL '{width}', TIMESTAMP '2024-01-01 10:07:30')");
    let positive = "22023 time_bucket: argument 'width' must be positive";
    assert_eq!(refusal(&call("0 minutes")).await, positive);
    assert_eq!(refusal(&call("-1 month")).await, positive);
    let mixed = refusal(&call("1 month 1 day")).await;
    assert!(
        mixed.starts_with("22023 time_bucket: argument 'width' mixes months"),
        "{mixed}"
    );
}

#[test]
fn the_calendar_is_chronos() {
    use chrono::{Datelike, Days, NaiveDate};
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for day in (-800_000..800_000_i64).step_by(97) {
        let shift = Days::new(day.unsigned_abs());
        let date = if day < 0 { epoch - shift } else { epoch + shift };
        let found = crate::functions::dates::civil(day);
        assert_eq!(
            found,
            (
                i64::from(date.year()),
                i64::from(date.month()),
                i64::from(date.day())
            )
        );
        assert_eq!(crate::functions::dates::days(found.0, found.1), day - found.2 + 1);
    }
}
