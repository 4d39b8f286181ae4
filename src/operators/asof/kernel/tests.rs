//! The merge against a naive search.

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use proptest::prelude::*;

use super::*;

type Row = (Option<u8>, Option<i64>);

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    // NULLs last; of equal rows the order stays.
    rows.sort_by_key(|(key, time)| (key.is_none(), *key, time.is_none(), *time));
    rows
}

fn columns(rows: &[Row]) -> (ArrayRef, ArrayRef) {
    let keys: StringArray = rows
        .iter()
        .map(|(key, _)| key.map(|key| key.to_string()))
        .collect();
    let times: Int64Array = rows.iter().map(|(_, time)| *time).collect();
    (Arc::new(keys), Arc::new(times))
}

fn encoded(encoder: &Encoder, rows: &[Row], has_key: bool) -> Encoded {
    let (keys, times) = columns(rows);
    let keys = if has_key { vec![keys] } else { Vec::new() };
    encoder.encode(&keys, &times).expect("encodes")
}

/// The position of each left row's match among the right rows.
fn merged(
    left: &[Row],
    right: &[Row],
    comparison: Comparison,
    (has_key, null_safe): (bool, bool),
    (left_size, right_size): (usize, usize),
) -> Vec<Option<i64>> {
    let keys = if has_key { vec![DataType::Utf8] } else { Vec::new() };
    let encoder = Encoder::new(&keys, vec![null_safe; keys.len()], &DataType::Int64).expect("an encoder");
    let mut merge = Merge::new(comparison);
    let mut rights = right.chunks(right_size).enumerate();
    let schema = Arc::new(Schema::new(vec![Field::new("place", DataType::Int64, false)]));
    let mut found = Vec::new();
    for left in left.chunks(left_size) {
        let encoded_left = encoded(&encoder, left, has_key);
        let mut matches = Matches::default();
        let mut done = 0;
        loop {
            let progress = merge.find(&encoded_left, done, &mut matches).expect("finds");
            if progress == Progress::NeedsRight {
                match rights.next() {
                    Some((i, rows)) => {
                        let first = (i * right_size) as i64;
                        let places = Int64Array::from_iter_values(first..first + rows.len() as i64);
                        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(places)]);
                        let encoded = encoded(&encoder, rows, has_key);
                        merge.add(RightBatch::new(batch.expect("a batch"), encoded, vec![0]));
                    }
                    None => merge.end(),
                }
                continue;
            }
            let taken = std::mem::take(&mut matches);
            done += taken.rows.len();
            for place in &taken.rows {
                found.push(place.map(|(batch, row)| {
                    let places = taken.batches[batch].rows.column(0).as_primitive::<Int64Type>();
                    places.value(row)
                }));
            }
            if progress == Progress::Done {
                break;
            }
        }
    }
    found
}

/// The same by looking at every pair.
fn searched(
    left: &[Row],
    right: &[Row],
    comparison: Comparison,
    (has_key, null_safe): (bool, bool),
) -> Vec<Option<i64>> {
    let of_one = |(key, time): &Row| {
        let time = (*time)?;
        let candidates = right
            .iter()
            .enumerate()
            .filter_map(|(place, (other, other_time))| {
                let is_equal = !has_key || (other == key && (null_safe || key.is_some()));
                let other_time = (*other_time)?;
                let fits = match comparison {
                    Comparison::AtOrBefore => other_time <= time,
                    Comparison::Before => other_time < time,
                    Comparison::AtOrAfter => other_time >= time,
                    Comparison::After => other_time > time,
                };
                (is_equal && fits).then_some((other_time.abs_diff(time), place))
            });
        candidates.min().map(|(_, place)| place as i64)
    };
    left.iter().map(of_one).collect()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let key = proptest::option::weighted(0.9, 0_u8..3);
    let time = proptest::option::weighted(0.9, -8_i64..8);
    proptest::collection::vec((key, time), 0..60).prop_map(sorted)
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::AtOrBefore),
        Just(Comparison::Before),
        Just(Comparison::AtOrAfter),
        Just(Comparison::After),
    ]
}

proptest! {
    #[test]
    fn each_row_finds_what_a_search_finds(
        left in rows(), right in rows(), comparison in comparisons(), has_key: bool, null_safe: bool,
        left_size in 1_usize..70, right_size in 1_usize..70,
    ) {
        let mut right = right;
        let mut left = left;
        if !has_key {
            // Sorted by the time alone.
            let by_time = |rows: &mut Vec<Row>| rows.sort_by_key(|(_, time)| (time.is_none(), *time));
            by_time(&mut left);
            by_time(&mut right);
        }
        let keys = (has_key, null_safe);
        let found = merged(&left, &right, comparison, keys, (left_size, right_size));
        prop_assert_eq!(found, searched(&left, &right, comparison, keys));
    }
}

#[test]
fn a_left_batch_may_have_matches_in_many_right_ones() {
    let rows: Vec<Row> = (0..5000).map(|time| (Some(0), Some(time))).collect();
    let found = merged(&rows, &rows, Comparison::AtOrBefore, (true, false), (5000, 3));
    assert_eq!(found, (0..5000).map(Some).collect::<Vec<_>>());
}
