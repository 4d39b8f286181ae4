//! Panes hold their moments and follow one another, in any unit and zone.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::DateTime;
use proptest::prelude::*;

use super::*;

fn grid(unit: TimeUnit, pane: i64, offset: i64, zone: Option<&str>) -> Grid {
    let time = Time::of(&DataType::Timestamp(unit, None)).unwrap();
    Grid::new(time, pane, offset, zone.map(|name| Zone::named(name).unwrap()))
}

fn seconds(text: &str) -> i64 {
    text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp()
}

#[test]
fn panes_stand_on_the_epoch_plus_the_offset() {
    let plain = grid(TimeUnit::Second, 300, 0, None);
    assert_eq!(
        plain.pane(0),
        Some(Pane {
            index: 0,
            start: 0,
            end: 300
        })
    );
    assert_eq!(
        plain.pane(-1),
        Some(Pane {
            index: -1,
            start: -300,
            end: 0
        })
    );
    let moved = grid(TimeUnit::Second, 300, -60, None);
    assert_eq!(
        moved.pane(0),
        Some(Pane {
            index: -1,
            start: -60,
            end: 240
        })
    );
}

#[test]
fn days_with_a_clock_change_are_longer_and_shorter() {
    let berlin = grid(TimeUnit::Second, 86_400, 0, Some("Europe/Berlin"));
    let spring = berlin.pane(seconds("2026-03-29T12:00:00Z")).unwrap();
    assert_eq!(spring.start, seconds("2026-03-28T23:00:00Z"));
    assert_eq!(spring.end, seconds("2026-03-29T22:00:00Z"));
    let autumn = berlin.pane(seconds("2026-10-25T12:00:00Z")).unwrap();
    assert_eq!(autumn.start, seconds("2026-10-24T22:00:00Z"));
    assert_eq!(autumn.end, seconds("2026-10-25T23:00:00Z"));
}

#[test]
fn a_midnight_that_the_clock_skips_is_when_it_skips() {
    let beirut = grid(TimeUnit::Second, 86_400, 0, Some("Asia/Beirut"));
    let day = beirut.pane(seconds("2022-03-27T10:00:00Z")).unwrap();
    assert_eq!(day.start, seconds("2022-03-26T22:00:00Z"));
}

#[test]
fn beyond_the_type_there_is_no_pane() {
    let plain = grid(TimeUnit::Nanosecond, 1000, 7, None);
    assert_eq!(plain.pane(i64::MAX), None);
    assert_eq!(plain.pane(i64::MIN), None);
}

proptest! {
    /// A moment lies in its pane, panes follow one another without a gap, and the pane's own bounds
    /// lead back to it.
    #[test]
    fn panes_cut_time_without_gaps(
        tick in -4_000_000_000_i64..4_000_000_000,
        days in 1_i64..9,
        offset in -200_000_i64..200_000,
        zone in proptest::sample::select(vec![
            None, Some("Europe/Berlin"), Some("America/Sao_Paulo"), Some("Asia/Beirut"),
            Some("Australia/Lord_Howe"), Some("+05:30"),
        ]),
    ) {
        let grid = grid(TimeUnit::Second, days * 86_400, offset, zone);
        let pane = grid.pane(tick).unwrap();
        prop_assert!(pane.start <= tick && tick < pane.end, "{pane:?}");
        prop_assert_eq!(grid.start(pane.index), Some(pane.start));
        prop_assert_eq!(grid.start(pane.index + 1), Some(pane.end));
        prop_assert_eq!(grid.pane(pane.start), Some(pane));
        prop_assert_eq!(grid.pane(pane.end).unwrap().index, pane.index + 1);
        prop_assert_eq!(grid.first_from(pane.start), Some(pane.index));
        prop_assert_eq!(grid.first_from(pane.start + 1), Some(pane.index + 1));
    }
}
