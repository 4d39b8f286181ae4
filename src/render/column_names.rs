//! Names of columns where a format addresses columns by name.

use std::collections::HashSet;

/// The names with equal ones made distinct: the second `a` becomes `a_1`, unless a column has that
/// name already.
pub(super) fn distinct<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let given: HashSet<&str> = names.iter().copied().collect();
    let mut used: HashSet<String> = HashSet::new();
    let mut distinct = Vec::with_capacity(names.len());
    for name in names {
        let mut free = name.to_owned();
        let mut number = 0;
        while used.contains(&free) || (number > 0 && given.contains(free.as_str())) {
            number += 1;
            free = format!("{name}_{number}");
        }
        used.insert(free.clone());
        distinct.push(free);
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_get_numbers_that_no_column_has() {
        assert_eq!(distinct(["a", "b"]), ["a", "b"]);
        assert_eq!(distinct(["a", "a", "a"]), ["a", "a_1", "a_2"]);
        assert_eq!(distinct(["a", "a", "a_1"]), ["a", "a_2", "a_1"]);
        assert_eq!(distinct(["", ""]), ["", "_1"]);
    }
}
