//! However rows are cut into batches, partitions and states, the answer is a naive reference's.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::driver::Case;

const GROUPS: usize = 4;

/// Group, number, text and key, and whether the filter passes.
#[derive(Debug, Clone)]
struct Row {
    group: usize,
    number: Option<i64>,
    weight: Option<i64>,
    pass: Option<bool>,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..GROUPS - 1,
        weighted(0.85, -6..6_i64),
        weighted(0.85, -3..9_i64),
        weighted(0.9, any::<bool>()),
    );
    let row = row.prop_map(|(group, number, weight, pass)| Row {
        group,
        number,
        weight,
        pass,
    });
    vec(row, 0..60)
}

fn groups(rows: &[Row]) -> Vec<usize> {
    rows.iter().map(|row| row.group).collect()
}

fn integers(rows: &[Row], of: impl Fn(&Row) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<Int64Array>())
}

fn doubles(rows: &[Row], of: impl Fn(&Row) -> Option<i64>) -> ArrayRef {
    let scale = |value: i64| value as f64 * 1.25 + 1e6;
    Arc::new(
        rows.iter()
            .map(|row| of(row).map(scale))
            .collect::<Float64Array>(),
    )
}

fn texts(rows: &[Row], of: impl Fn(&Row) -> Option<i64>) -> ArrayRef {
    let text = |value: i64| format!("a value long enough to lie outside of a view {value:03}");
    Arc::new(
        rows.iter()
            .map(|row| of(row).map(text))
            .collect::<StringViewArray>(),
    )
}

fn filter(rows: &[Row]) -> BooleanArray {
    rows.iter().map(|row| row.pass).collect()
}

/// Checks every group by every way against `expected(rows of the group)`.
fn check(
    mut case: Case,
    rows: &[Row],
    seed: u64,
    same: impl Fn(&ScalarValue, &ScalarValue) -> bool,
    expected: impl Fn(&[&Row]) -> ScalarValue,
) {
    for filtered in [false, true] {
        case.filter = filtered.then(|| filter(rows));
        let grouped = case.grouped(GROUPS, seed);
        for group in 0..GROUPS {
            let kept = case.kept(group);
            let of: Vec<&Row> = kept.iter().map(|&row| &rows[row as usize]).collect();
            let wanted = expected(&of);
            let found = ScalarValue::try_from_array(&grouped, group).unwrap();
            assert!(
                same(&found, &wanted),
                "grouped {group}: {found:?}, wanted {wanted:?}"
            );
            let found = case.single(group, seed);
            assert!(
                same(&found, &wanted),
                "single {group}: {found:?}, wanted {wanted:?}"
            );
            let width = 1 + seed as usize % 7;
            if !of.is_empty() {
                let wanted = expected(&of[of.len().saturating_sub(width)..]);
                let found = case.sliding(group, width);
                assert!(
                    same(&found, &wanted),
                    "sliding {group}: {found:?}, wanted {wanted:?}"
                );
            }
        }
    }
}

fn equal(a: &ScalarValue, b: &ScalarValue) -> bool {
    a == b
}

fn close(a: &ScalarValue, b: &ScalarValue) -> bool {
    match (a, b) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => {
            (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs()))
        }
        _ => a == b,
    }
}

fn counts(rows: &[&Row]) -> BTreeMap<i64, i64> {
    let mut counts = BTreeMap::new();
    for number in rows.iter().filter_map(|row| row.number) {
        *counts.entry(number).or_default() += 1;
    }
    counts
}

fn numbers(rows: &[&Row]) -> Vec<f64> {
    rows.iter()
        .filter_map(|row| row.number)
        .map(|n| n as f64 * 1.25 + 1e6)
        .collect()
}

fn naive_mode(rows: &[&Row]) -> Option<i64> {
    let counts = counts(rows);
    let most = counts.values().copied().max()?;
    counts
        .into_iter()
        .find(|(_, count)| *count == most)
        .map(|(value, _)| value)
}

fn naive_median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}

fn naive_moment(values: &[f64], power: i32) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n
}

fn naive_skewness(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let variance = if values.is_empty() {
        0.0
    } else {
        naive_moment(values, 2)
    };
    let shape = || (n * (n - 1.0)).sqrt() / (n - 2.0) * naive_moment(values, 3) / variance.powf(1.5);
    (values.len() > 2 && variance > 0.0).then(shape)
}

fn naive_kurtosis(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let variance = if values.is_empty() {
        0.0
    } else {
        naive_moment(values, 2)
    };
    let shape = || {
        let excess = naive_moment(values, 4) / variance.powi(2) - 3.0;
        (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0)
    };
    (values.len() > 3 && variance > 0.0).then(shape)
}

/// The number of the row whose (key, number) is first.
fn naive_extreme(rows: &[&Row], largest: bool, nulls: bool) -> Option<i64> {
    let rows = rows
        .iter()
        .filter(|row| row.weight.is_some() && (nulls || row.number.is_some()));
    let rank = |row: &&&Row| {
        let key = row.weight.unwrap_or_default();
        (if largest { -key } else { key }, row.number.is_none(), row.number)
    };
    rows.min_by_key(rank).and_then(|row| row.number)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn mode_is_the_most_frequent_and_then_the_smallest(rows in rows(), seed: u64) {
        let case = Case::new("mode", vec![integers(&rows, |r| r.number)], &[], groups(&rows));
        check(case, &rows, seed, equal, |rows| ScalarValue::Int64(naive_mode(rows)));
        let case = Case::new("mode", vec![texts(&rows, |r| r.number.map(|n| n + 6))], &[], groups(&rows));
        check(case, &rows, seed, equal, |rows| {
            let text = |value| format!("a value long enough to lie outside of a view {:03}", value + 6);
            ScalarValue::Utf8View(naive_mode(rows).map(text))
        });
    }

    #[test]
    fn entropy_and_histogram_follow_the_counts(rows in rows(), seed: u64) {
        let case = Case::new("entropy", vec![integers(&rows, |r| r.number)], &[], groups(&rows));
        check(case, &rows, seed, close, |rows| {
            let counts = counts(rows);
            let total = counts.values().sum::<i64>() as f64;
            let terms = counts.values().map(|&count| -(count as f64 / total) * (count as f64 / total).log2());
            ScalarValue::Float64(Some(terms.sum::<f64>() + 0.0))
        });
        let case = Case::new("histogram", vec![integers(&rows, |r| r.number)], &[], groups(&rows));
        let pairs = |value: &ScalarValue| match value {
            ScalarValue::Map(map) if map.is_valid(0) => {
                let entries = map.value(0);
                let column = |i: usize| entries.column(i).as_primitive::<Int64Type>().values().to_vec();
                column(0).into_iter().zip(column(1)).collect()
            }
            _ => Vec::new(),
        };
        for filtered in [None, Some(filter(&rows))] {
            let case = Case { call: Arc::clone(&case.call), columns: case.columns.clone(), groups: groups(&rows), filter: filtered };
            let found = case.grouped(GROUPS, seed);
            for group in 0..GROUPS {
                let of: Vec<&Row> = case.kept(group).iter().map(|&row| &rows[row as usize]).collect();
                let wanted: Vec<(i64, i64)> = counts(&of).into_iter().collect();
                prop_assert_eq!(found.is_null(group), wanted.is_empty());
                prop_assert_eq!(&pairs(&ScalarValue::try_from_array(&found, group).unwrap()), &wanted);
                prop_assert_eq!(&pairs(&case.single(group, seed)), &wanted);
            }
        }
    }

    #[test]
    fn top_k_is_exact_while_the_counters_last(rows in rows(), seed: u64) {
        let k = ScalarValue::Int64(Some(3));
        let case = Case::new("approx_top_k", vec![integers(&rows, |r| r.number)], &[k], groups(&rows));
        let found = case.grouped(GROUPS, seed);
        let list = |value: &ScalarValue| match value {
            ScalarValue::List(list) if list.is_valid(0) => {
                list.value(0).as_primitive::<Int64Type>().values().to_vec()
            }
            _ => Vec::new(),
        };
        for group in 0..GROUPS {
            let of: Vec<&Row> = case.kept(group).iter().map(|&row| &rows[row as usize]).collect();
            let mut ranked: Vec<(i64, i64)> = counts(&of).into_iter().map(|(v, n)| (-n, v)).collect();
            ranked.sort_unstable();
            let wanted: Vec<i64> = ranked.into_iter().take(3).map(|(_, value)| value).collect();
            prop_assert_eq!(found.is_null(group), wanted.is_empty());
            prop_assert_eq!(&list(&ScalarValue::try_from_array(&found, group).unwrap()), &wanted);
            prop_assert_eq!(&list(&case.single(group, seed)), &wanted);
        }
    }

    #[test]
    fn extremes_take_the_smallest_value_of_the_best_key(rows in rows(), seed: u64) {
        for (name, largest, nulls) in
            [("arg_min", false, false), ("arg_max", true, false), ("arg_min_null", false, true), ("arg_max_null", true, true)]
        {
            let text = |row: &Row| row.weight.map(|w| w + 3);
            for key in [integers(&rows, |r| r.weight), doubles(&rows, |r| r.weight), texts(&rows, text)] {
                let case = Case::new(name, vec![integers(&rows, |r| r.number), Arc::clone(&key)], &[], groups(&rows));
                check(case, &rows, seed, equal, |rows| ScalarValue::Int64(naive_extreme(rows, largest, nulls)));
                let number = |row: &Row| row.number.map(|n| n + 6);
                let case = Case::new(name, vec![texts(&rows, number), key], &[], groups(&rows));
                check(case, &rows, seed, equal, |rows| {
                    let text = |value| format!("a value long enough to lie outside of a view {:03}", value + 6);
                    ScalarValue::Utf8View(naive_extreme(rows, largest, nulls).map(text))
                });
            }
        }
    }

    #[test]
    fn mad_is_the_median_of_deviations(rows in rows(), seed: u64) {
        let case = Case::new("mad", vec![doubles(&rows, |r| r.number)], &[], groups(&rows));
        check(case, &rows, seed, equal, |rows| {
            let values = numbers(rows);
            let center = naive_median(values.clone());
            let deviations = |center: f64| naive_median(values.iter().map(|v: &f64| (v - center).abs()).collect());
            ScalarValue::Float64(center.and_then(deviations))
        });
    }

    #[test]
    fn moments_are_those_of_two_passes(rows in rows(), seed: u64) {
        let column = doubles(&rows, |r| r.number);
        let case = Case::new("skewness", vec![Arc::clone(&column)], &[], groups(&rows));
        check(case, &rows, seed, close, |rows| ScalarValue::Float64(naive_skewness(&numbers(rows))));
        let case = Case::new("kurtosis", vec![column], &[], groups(&rows));
        check(case, &rows, seed, close, |rows| ScalarValue::Float64(naive_kurtosis(&numbers(rows))));
    }

    #[test]
    fn means_are_their_definitions(rows in rows(), seed: u64) {
        let plain = |rows: &[Row], of: fn(&Row) -> Option<i64>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| of(row).map(|v| v as f64)).collect::<Float64Array>())
        };
        let column = plain(&rows, |r| r.number.map(|n| n + 7));
        let values = |rows: &[&Row]| -> Vec<f64> { rows.iter().filter_map(|r| r.number).map(|n| (n + 7) as f64).collect() };
        let case = Case::new("product", vec![Arc::clone(&column)], &[], groups(&rows));
        check(case, &rows, seed, close, |rows| {
            let values = values(rows);
            ScalarValue::Float64((!values.is_empty()).then(|| values.iter().product()))
        });
        let case = Case::new("geometric_mean", vec![column], &[], groups(&rows));
        check(case, &rows, seed, close, |rows| {
            let values = values(rows);
            let root = || values.iter().map(|v| v.powf(1.0 / values.len() as f64)).product();
            ScalarValue::Float64((!values.is_empty()).then(root))
        });
        let case = Case::new("weighted_avg", vec![plain(&rows, |r| r.number), plain(&rows, |r| r.weight)], &[], groups(&rows));
        check(case, &rows, seed, close, |rows| {
            let pairs: Vec<(i64, i64)> = rows.iter().filter_map(|r| r.number.zip(r.weight)).collect();
            let weights: i64 = pairs.iter().map(|(_, w)| w).sum();
            let total: i64 = pairs.iter().map(|(x, w)| x * w).sum();
            ScalarValue::Float64((weights != 0).then(|| total as f64 / weights as f64))
        });
    }
}

#[test]
fn top_k_finds_heavy_values_among_many() {
    let heavy = |row: i64| if row % 4 == 0 { row % 3 } else { 1000 + row };
    let values: Int64Array = (0..60_000_i64)
        .map(|row| Some(heavy(row / 4 * 4 + row % 4)))
        .collect();
    let texts: StringViewArray = values
        .iter()
        .flatten()
        .map(|v| Some(format!("value number {v}")))
        .collect();
    let k = ScalarValue::Int64(Some(3));
    for column in [Arc::new(values) as ArrayRef, Arc::new(texts)] {
        let case = Case::new(
            "approx_top_k",
            vec![column],
            std::slice::from_ref(&k),
            vec![0; 60_000],
        );
        let found = case.grouped(1, 7);
        let list = found.as_list::<i32>().value(0);
        let mut shown: Vec<String> = (0..3)
            .map(|row| arrow::util::display::array_value_to_string(&list, row).unwrap())
            .map(|text| text.replace("value number ", ""))
            .collect();
        shown.sort();
        assert_eq!(shown, ["0", "1", "2"]);
    }
}

#[test]
fn moments_of_large_numbers_keep_their_digits() {
    // Sums of powers would lose everything: the deviations are a billionth of the values.
    let values: Vec<f64> = [1.0, 2.0, 3.0, 10.0].iter().map(|v| v + 1e9).collect();
    let column: ArrayRef = Arc::new(Float64Array::from(values));
    let case = Case::new("skewness", vec![column], &[], vec![0; 4]);
    let found = case.grouped(1, 1);
    let wanted = naive_skewness(&[1.0, 2.0, 3.0, 10.0]).unwrap();
    assert!((found.as_primitive::<Float64Type>().value(0) - wanted).abs() < 1e-6);
}
