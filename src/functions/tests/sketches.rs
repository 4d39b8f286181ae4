//! Quantile sketches: exact while small, near while large, the same when merged.

use proptest::prelude::*;

use super::session::{refusal, shown};
use crate::functions::digest::Digest;

fn digest(values: &[f64]) -> Digest {
    let mut digest = Digest::default();
    values.iter().for_each(|value| digest.add(*value));
    digest
}

fn exact(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let (low, share) = (rank.floor() as usize, rank.fract());
    let high = (low + 1).min(values.len() - 1);
    values[low] * (1.0 - share) + values[high] * share
}

#[tokio::test]
async fn sketches_are_values() {
    let values = "(SELECT value % 100 AS x, value % 3 AS g FROM range(101))";
    let merged = format!(
        "SELECT sketch_quantile(quantile_sketch_merge(s), 0.5) FROM (SELECT quantile_sketch(x) AS s FROM {values} GROUP BY g)"
    );
    assert_eq!(
        shown(&merged).await,
        shown(&format!("SELECT median(x) FROM {values}")).await
    );
    assert_eq!(
        shown("SELECT quantile_sketch(x) FROM (VALUES (1)) t(x) WHERE false").await,
        "∅"
    );
    assert_eq!(
        shown("SELECT sketch_quantile(quantile_sketch(x), 0.5) FROM (VALUES (NULL), (3)) t(x)").await,
        "3.0"
    );
    let nan = "SELECT sketch_quantile(quantile_sketch(x), 0.5), sketch_quantile(quantile_sketch(x), 1) \
        FROM (VALUES (1e0), (2e0), ('NaN'::double)) t(x)";
    assert_eq!(shown(nan).await, "2.0|NaN");
    assert_eq!(shown("SELECT sketch_quantile(NULL, 0.5)").await, "∅");
    assert_eq!(
        refusal("SELECT sketch_quantile(quantile_sketch(x), 2) FROM (VALUES (1)) t(x)").await,
        "22023 sketch_quantile: argument 'q' must be from 0 to 1, not 2"
    );
    assert_eq!(
        refusal("SELECT sketch_quantile(1, 0.5)").await,
        "42804 sketch_quantile: argument 'sketch' must be a sketch that quantile_sketch made, not BIGINT"
    );
}

#[test]
fn many_values_are_near() {
    let values: Vec<f64> = (0..200_000_i64).map(|i| ((i * 7919) % 200_003) as f64).collect();
    let mut whole = digest(&values);
    let mut parts = Digest::default();
    values.chunks(1234).for_each(|chunk| parts.merge(&digest(chunk)));
    let mut sorted = values.clone();
    for q in [0.0, 0.0001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.9999, 1.0] {
        let wanted = exact(&mut sorted, q);
        // Half the widest centroid that the scale function allows there.
        let width = std::f64::consts::PI / 200.0;
        let tolerance = 200_003.0 / 2.0 * (2.0 * width * (q * (1.0 - q)).sqrt() + width * width);
        for digest in [&mut whole, &mut parts] {
            let found = digest.quantile(q).unwrap();
            assert!(
                (found - wanted).abs() <= tolerance,
                "{q}: {found}, wanted {wanted}"
            );
        }
    }
    assert!(whole.heap_size() < 64 * 1024);
}

#[test]
fn infinities_stay_apart() {
    let mut values: Vec<f64> = (0..5000).map(f64::from).collect();
    values.extend([f64::INFINITY; 500]);
    values.extend([f64::NEG_INFINITY; 500]);
    let mut digest = digest(&values);
    assert_eq!(digest.quantile(0.0), Some(f64::NEG_INFINITY));
    assert_eq!(digest.quantile(1.0), Some(f64::INFINITY));
    let middle = digest.quantile(0.5).unwrap();
    assert!((middle - 2500.0).abs() < 60.0, "{middle}");
}

proptest! {
    #[test]
    fn few_values_are_exact(mut values in prop::collection::vec(-1e6..1e6_f64, 1..128), cut in 0..128_usize, q in 0.0..=1.0_f64) {
        let (a, b) = values.split_at(cut.min(values.len()));
        let mut merged = digest(a);
        merged.merge(&digest(b));
        let wanted = exact(&mut values, q);
        let found = merged.quantile(q).unwrap();
        prop_assert!((found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{} {}", found, wanted);
    }
}
