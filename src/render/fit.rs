//! Which columns of a table stand on a screen, and how wide they are there.

/// A screen that a table has to fit on. What does not is named below the table: columns that are not
/// shown, and those with values cut at `…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// How many characters wide the screen is.
    pub screen: usize,
    /// Said with the names: how to see all of it.
    pub way_out: String,
}

/// How wide a column would be, and whether its values may be cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub natural: usize,
    pub shrinks: bool,
}

/// A column is not cut below this width.
const NARROW: usize = 16;
/// What a column needs beside its values, and a table beside its columns.
const MARGIN: usize = 3;
const EDGE: usize = 1;
/// The column that stands for those not shown.
pub(super) const MORE: usize = MARGIN + 1;

/// The widths of the columns that are shown, the first ones. There is always one, even where nothing
/// fits.
pub(super) fn fit(wishes: &[Wish], screen: usize) -> Vec<usize> {
    let widths = |columns: &[Wish], cap: usize| -> Vec<usize> {
        let width = |wish: &Wish| match wish.shrinks {
            true => wish.natural.min(cap),
            false => wish.natural,
        };
        columns.iter().map(width).collect()
    };
    let table = |widths: &[usize]| EDGE + widths.iter().map(|width| width + MARGIN).sum::<usize>();
    let natural = widths(wishes, usize::MAX);
    if table(&natural) <= screen {
        return natural;
    }
    let narrow = widths(wishes, NARROW);
    let (shown, room) = if table(&narrow) <= screen {
        (wishes.len(), screen)
    } else {
        let room = screen.saturating_sub(MORE);
        let fitting = (1..wishes.len()).rev().find(|n| table(&narrow[..*n]) <= room);
        (fitting.unwrap_or(1), room)
    };
    let widest = (NARROW..=screen)
        .rev()
        .map(|cap| widths(&wishes[..shown], cap))
        .find(|widths| table(widths) <= room);
    widest.unwrap_or_else(|| widths(&wishes[..shown], room.saturating_sub(EDGE + MARGIN).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(columns: &[(usize, bool)]) -> Vec<Wish> {
        let wish = |(natural, shrinks): &(usize, bool)| Wish {
            natural: *natural,
            shrinks: *shrinks,
        };
        columns.iter().map(wish).collect()
    }

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(fit(&wishes(&[(10, true), (5, false)]), 22), [10, 5]);
        assert_eq!(fit(&[], 80), [0; 0]);
    }

    #[test]
    fn long_texts_give_way_before_columns_do() {
        assert_eq!(
            fit(&wishes(&[(10, false), (100, true), (10, false)]), 80),
            [10, 50, 10]
        );
        assert_eq!(
            fit(&wishes(&[(100, true), (20, true), (50, true)]), 80),
            [25, 20, 25]
        );
    }

    #[test]
    fn columns_that_do_not_fit_are_left_out_from_the_right() {
        let many = wishes(&[(20, false); 10]);
        assert_eq!(fit(&many, 80), [20; 3]);
        let mixed = wishes(&[(20, false), (100, true), (20, false), (20, false)]);
        assert_eq!(fit(&mixed, 80), [20, 26, 20]);
    }

    #[test]
    fn one_column_is_always_shown() {
        assert_eq!(fit(&wishes(&[(100, true)]), 80), [76]);
        assert_eq!(fit(&wishes(&[(100, false), (5, false)]), 80), [100]);
        assert_eq!(fit(&wishes(&[(100, true), (100, true)]), 10), [2]);
    }
}
