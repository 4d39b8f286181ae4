//! The values of a batch's text column. Pure.

use arrow::array::{Array, StringViewArray};

/// How many values a batch may have.
pub const MOST: usize = 64;

/// Places of the table: four for each value.
const PLACES: usize = 4 * MOST;

/// A batch's values: the first row of each, and for each row the value's position among them.
pub(super) struct Distinct {
    pub rows: Vec<u32>,
    pub codes: Vec<u8>,
}

/// The values of `texts`; nothing if there are more than [`MOST`]. One text may count as several values, if it
/// lies at several places.
pub(super) fn distinct(texts: &StringViewArray) -> Option<Distinct> {
    let views = texts.views();
    let nulls = texts.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut table: [(u128, u8); PLACES] = [(0, u8::MAX); PLACES];
    let (mut rows, mut codes) = (Vec::with_capacity(MOST), Vec::with_capacity(views.len()));
    let mut null = None;
    for (row, view) in (0_u32..).zip(views.iter()) {
        if nulls.is_some_and(|nulls| nulls.is_null(row as usize)) {
            codes.push(match null {
                Some(code) => code,
                None => *null.insert(added(&mut rows, row)?),
            });
            continue;
        }
        let mut place = place(*view);
        let code = loop {
            let (known, code) = table[place];
            if code == u8::MAX {
                let code = added(&mut rows, row)?;
                table[place] = (*view, code);
                break code;
            }
            if known == *view {
                break code;
            }
            place = (place + 1) % PLACES;
        };
        codes.push(code);
    }
    Some(Distinct { rows, codes })
}

/// The position of a value that comes first in `row`; nothing if there are enough.
fn added(rows: &mut Vec<u32>, row: u32) -> Option<u8> {
    let code = u8::try_from(rows.len()).ok();
    let code = code.filter(|code| usize::from(*code) < MOST)?;
    rows.push(row);
    Some(code)
}

/// Where a view's search begins.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves are taken, and eight bits are left"
)]
fn place(view: u128) -> usize {
    let mixed = (view as u64 ^ (view >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::{MOST, distinct};

    #[test]
    fn each_row_has_the_code_of_its_value() {
        let long = "a text that is longer than a view";
        let texts: StringViewArray = [Some("b"), None, Some("a"), Some("b"), Some(long), None, Some("")]
            .into_iter()
            .collect();
        let found = distinct(&texts).unwrap();
        assert_eq!(found.codes, [0, 1, 2, 0, 3, 1, 4]);
        assert_eq!(found.rows, [0, 1, 2, 4, 6]);
    }

    #[test]
    fn many_values_are_too_many() {
        let texts = |n: usize| -> StringViewArray { (0..n).map(|i| Some(format!("{i}"))).collect() };
        assert_eq!(distinct(&texts(MOST)).unwrap().rows.len(), MOST);
        assert!(distinct(&texts(MOST + 1)).is_none());
    }
}
