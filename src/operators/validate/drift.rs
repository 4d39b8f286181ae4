//! How far two distributions of one column lie apart: from their values in order, in one pass.
//!
//! PSI: the baseline's values cut into ten bins of equal share; the sum of (a − b) ln(a / b) over the
//! shares of both in each bin, no share taken for less than [`EPSILON`]. KS (Kolmogorov and Smirnov): the
//! widest gap between the two distribution functions.

use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit};

use crate::syntax::Statistic;

/// The smallest share that is reckoned with.
const EPSILON: f64 = 1e-4;
/// How many bins the baseline is cut into.
const BINS: usize = 10;

/// Two distributions, on the way through their values in ascending order.
#[derive(Debug, Clone, Default)]
pub struct Drift {
    totals: (f64, f64),
    below: (f64, f64),
    widest: f64,
    bins: [(f64, f64); BINS],
}

impl Drift {
    /// Of so many values, and so many of the baseline.
    pub fn new(values: f64, baseline: f64) -> Self {
        Self {
            totals: (values, baseline),
            ..Self::default()
        }
    }

    /// The next value: how often it comes in both.
    pub fn push(&mut self, values: f64, baseline: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of at most 1, cut into bins"
        )]
        let bin = (self.below.1 / self.totals.1 * BINS as f64).floor().max(0.0) as usize;
        let bin = &mut self.bins[bin.min(BINS - 1)];
        *bin = (bin.0 + values, bin.1 + baseline);
        self.below = (self.below.0 + values, self.below.1 + baseline);
        let gap = self.below.0 / self.totals.0 - self.below.1 / self.totals.1;
        self.widest = self.widest.max(gap.abs());
    }

    /// The distance; none if one of the two has no values.
    pub fn distance(&self, statistic: Statistic) -> Option<f64> {
        if self.totals.0 <= 0.0 || self.totals.1 <= 0.0 {
            return None;
        }
        Some(match statistic {
            Statistic::Ks => self.widest,
            Statistic::Psi => {
                let share = |count: f64, total: f64| (count / total).max(EPSILON);
                let of_bin = |(a, b): &(f64, f64)| {
                    let (a, b) = (share(*a, self.totals.0), share(*b, self.totals.1));
                    (a - b) * (a / b).ln()
                };
                self.bins.iter().map(of_bin).sum()
            }
        })
    }
}

/// The values of both, in ascending order: how often each comes in `values` and in `baseline`, which are
/// plans of one column. NULL is left out.
///
/// # Errors
/// DataFusion's own.
pub fn in_order(values: LogicalPlan, baseline: LogicalPlan) -> Result<LogicalPlan> {
    let side = |plan: LogicalPlan, a: i64, b: i64| {
        let column = Expr::Column(plan.schema().qualified_field(0).into());
        let number = cast(column, arrow::datatypes::DataType::Float64);
        LogicalPlanBuilder::from(plan)
            .project([number.alias("x"), lit(a).alias("a"), lit(b).alias("b")])?
            .filter(col("x").is_not_null())?
            .build()
    };
    LogicalPlanBuilder::from(side(values, 1, 0)?)
        .union(side(baseline, 0, 1)?)?
        .aggregate([col("x")], [sum(col("a")).alias("a"), sum(col("b")).alias("b")])?
        .sort([col("x").sort(true, false)])?
        .project([col("a"), col("b")])?
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(values: &[(f64, f64)]) -> Drift {
        let total = values.iter().fold((0.0, 0.0), |t, v| (t.0 + v.0, t.1 + v.1));
        let mut drift = Drift::new(total.0, total.1);
        values.iter().for_each(|(a, b)| drift.push(*a, *b));
        drift
    }

    #[test]
    fn equal_distributions_do_not_lie_apart() {
        let same: Vec<(f64, f64)> = (0..100).map(|_| (3.0, 1.0)).collect();
        assert!(drift(&same).distance(Statistic::Psi).unwrap().abs() < 1e-12);
        assert!(drift(&same).distance(Statistic::Ks).unwrap() < 1e-12);
    }

    #[test]
    fn all_in_the_last_bin_is_far() {
        let values: Vec<(f64, f64)> = (0..10).map(|i| (if i == 9 { 10.0 } else { 0.0 }, 1.0)).collect();
        let expected = 9.0 * (EPSILON - 0.1) * (EPSILON / 0.1_f64).ln() + 0.9 * 10.0_f64.ln();
        let psi = drift(&values).distance(Statistic::Psi).unwrap();
        assert!((psi - expected).abs() < 1e-9, "{psi}");
        assert!((drift(&values).distance(Statistic::Ks).unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(Drift::new(0.0, 1.0).distance(Statistic::Ks), None);
    }
}
