//! "Did you mean": the nearest of the names that exist.

/// How alike two names must be (Jaro–Winkler, 1 is equal) to be worth suggesting.
const ALIKE: f64 = 0.8;

/// The candidate that is most like `name` in any case, if one is like it at all. Of equally good
/// ones the first in alphabetical order.
pub fn closest<S: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = S>) -> Option<String> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let score = strsim::jaro_winkler(&wanted, &candidate.as_ref().to_lowercase());
            (score, candidate)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.as_ref().cmp(x.as_ref())))
        .map(|(_, candidate)| candidate.as_ref().to_owned())
}

/// A hint that names the closest candidate, if there is one.
pub fn did_you_mean<S: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = S>) -> Option<String> {
    closest(name, candidates).map(|found| format!("did you mean '{found}'?"))
}
