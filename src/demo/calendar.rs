//! The sample's calendar: the thirty days that it covers, how many rows fall on each, and when in a
//! day they come. All times are microseconds since 1970 without a zone.

use super::random::Dice;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// How many days are covered.
pub(super) const DAYS: u64 = 30;
/// 2026-01-02, the first of them, in days since 1970.
const FIRST: i64 = 20_455;
/// The sample's fixed now: 2026-02-01T00:00:00Z, the end of the last day.
pub(super) const NOW: i64 = (FIRST + DAYS as i64) * DAY;

/// The busyness of a day's hours.
const HOURS: [u64; 24] = [
    5, 3, 2, 2, 2, 4, 8, 12, 14, 15, 16, 18, 20, 18, 16, 16, 18, 22, 27, 31, 32, 27, 18, 9,
];

/// Midnight at the beginning of `day` (from 0).
pub(super) fn midnight(day: u64) -> i64 {
    (FIRST + day as i64) * DAY
}

/// The name of the Hive folder of `day` (from 0).
pub(super) fn partition(day: u64) -> String {
    format!("dt=2026-01-{:02}", day + 2)
}

/// How many of `rows` fall on each day: more on weekends, and a little more each day.
pub(super) fn spread(rows: u64) -> Vec<u64> {
    // The first day is a Friday.
    let weight = |day: u64| match day % 7 {
        1 => 125,
        2 => 135,
        _ => 100,
    } + day;
    let total: u64 = (0..DAYS).map(weight).sum();
    let until = |sum: u64| (u128::from(rows) * u128::from(sum) / u128::from(total)) as u64;
    let mut sum = 0;
    (0..DAYS)
        .map(|day| {
            let before = until(sum);
            sum += weight(day);
            until(sum) - before
        })
        .collect()
}

/// The moment of the `i`-th of `n` rows of `day`: strictly growing with `i`, within the day, and
/// following its rhythm.
pub(super) fn moment(day: u64, i: u64, n: u64, dice: &mut Dice) -> i64 {
    let total: u64 = HOURS.iter().sum();
    // Fixed-point numbers with 32 binary places: where in the day's weight the row lies, and from
    // that where in its hours.
    let row = (u128::from(i) << 32) | u128::from(dice.bits() >> 32);
    let mut place = row * u128::from(total) / u128::from(n);
    let mut hours = 0;
    for weight in HOURS {
        let whole = u128::from(weight) << 32;
        if place < whole {
            hours += place / u128::from(weight);
            break;
        }
        place -= whole;
        hours += 1 << 32;
    }
    // A microsecond a row is kept aside, which makes the moments distinct.
    let room = (DAY as u128).saturating_sub(u128::from(n));
    midnight(day) + (hours * room / (24 << 32)) as i64 + i as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_lost_between_days() {
        for rows in [0, 1, 10, 29, 12_345, u64::MAX >> 8] {
            assert_eq!(spread(rows).iter().sum::<u64>(), rows);
        }
        assert_eq!(midnight(DAYS), NOW);
        assert_eq!(NOW, 1_769_904_000 * SECOND);
    }

    #[test]
    fn moments_grow_within_their_day() {
        for n in [1, 5, 1000] {
            let mut dice = Dice::new(1, 0);
            let moments: Vec<i64> = (0..n).map(|i| moment(3, i, n, &mut dice)).collect();
            assert!(moments.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(moments.iter().all(|m| (midnight(3)..midnight(4)).contains(m)));
        }
    }
}
