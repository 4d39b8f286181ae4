//! "Did you mean": the nearest of the names that exist.

/// How alike two names must be (Jaro–Winkler, 1 is equal) to be worth suggesting.
const ALIKE: f64 = 0.8;

/// The candidate that is most like `name` in any case, if one is like it at all. Of equally good
/// ones the first in alphabetical order.
pub fn closest<S: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = S>) -> Option<String> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (likeness(&wanted, &candidate.as_ref().to_lowercase()), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.as_ref().cmp(x.as_ref())))
        .map(|(_, candidate)| candidate.as_ref().to_owned())
}

/// A hint that names the closest candidate, if there is one.
pub fn did_you_mean<S: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = S>) -> Option<String> {
    closest(name, candidates).map(|found| format!("did you mean '{found}'?"))
}

/// How alike two names are, their leading parts set aside where they are the same: `a.b.x` and `a.b.y`
/// are as alike as `x` and `y`.
fn likeness(mut a: &str, mut b: &str) -> f64 {
    while let (Some((first, rest)), Some((other, others))) = (a.split_once('.'), b.split_once('.'))
        && first == other
    {
        (a, b) = (rest, others);
    }
    strsim::jaro_winkler(a, b)
}
