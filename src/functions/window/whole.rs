//! Functions over whole partitions: what a partition's values say, and what becomes of each of them.
//!
//! A function that computes with numbers is a statistic of the partition ([`super::measures::Measures`], from its moments or
//! from its values) and a map of each value under it ([`Numeric::apply`]), so that rows stay where they are.
//! NULLs enter no statistic. A NaN makes moments NaN, and ranks above all numbers in quantiles.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, PrimitiveArray};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{is_not_null, take};
use arrow::datatypes::{DataType, Float64Type, UInt32Type};
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::PhysicalExpr;

use super::cleaning::constant;
use super::measures::{Moments, Numeric, Statistic, Sum};
use crate::functions::documentation::Described;
use crate::functions::failure::{internal, invalid_argument};
use crate::functions::mode_states;

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whole {
    /// `fill_mean`.
    FillMean,
    /// `fill_median`.
    FillMedian,
    /// `fill_mode`.
    FillMode,
    /// `zscore`.
    Zscore,
    /// `zscore_pop`.
    ZscorePop,
    /// `mad_zscore`.
    MadZscore,
    /// `iqr_outlier`.
    IqrOutlier,
    /// `cap_iqr`.
    CapIqr,
    /// `winsorize`.
    Winsorize,
}

/// How many times the distance of the quartiles a fence lies beyond them (Tukey).
const K: f64 = 1.5;

const SECTION: &str = "Cleaning Functions";
const X: (&str, &str) = ("x", "a number");
const FENCES: [(&str, &str); 2] = [
    X,
    (
        "k",
        "how many distances of the quartiles beyond them is too far; 1.5 if not given",
    ),
];

impl Whole {
    /// Every function.
    pub(super) const ALL: [Self; 9] = [
        Self::FillMean,
        Self::FillMedian,
        Self::FillMode,
        Self::Zscore,
        Self::ZscorePop,
        Self::MadZscore,
        Self::IqrOutlier,
        Self::CapIqr,
        Self::Winsorize,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FillMean => "fill_mean",
            Self::FillMedian => "fill_median",
            Self::FillMode => "fill_mode",
            Self::Zscore => "zscore",
            Self::ZscorePop => "zscore_pop",
            Self::MadZscore => "mad_zscore",
            Self::IqrOutlier => "iqr_outlier",
            Self::CapIqr => "cap_iqr",
            Self::Winsorize => "winsorize",
        }
    }

    pub(super) fn described(self) -> Described {
        let (sentence, source, syntax, example, arguments): (_, _, _, _, &[_]) = match self {
            Self::FillMean => (
                "The value, or the mean of its partition in the place of NULL. A partition without values stays \
                NULL; NaN is a value. DOUBLE.",
                "the definition of imputation by the mean",
                "fill_mean(x) OVER ([PARTITION BY g])",
                "SELECT fill_mean(x) OVER () FROM (VALUES (1), (NULL), (3)) t(x); -- 1.0;2.0;3.0",
                &[X],
            ),
            Self::FillMedian => (
                "The value, or the median (type 7) of its partition in the place of NULL. A partition without \
                values stays NULL; a NaN is a value above all numbers. DOUBLE.",
                "the definition of imputation by the median; Hyndman and Fan (1996) for type 7",
                "fill_median(x) OVER ([PARTITION BY g])",
                "SELECT fill_median(x) OVER () FROM (VALUES (1), (NULL), (4)) t(x); -- 1.0;2.5;4.0",
                &[X],
            ),
            Self::FillMode => (
                "The value, or the most frequent value of its partition in the place of NULL; of several equally \
                frequent ones the smallest. A partition without values stays NULL.",
                "the definition of imputation by the mode; SQL:2023 `mode`",
                "fill_mode(x) OVER ([PARTITION BY g])",
                "SELECT fill_mode(x) OVER () FROM (VALUES ('a'), (NULL), ('a'), ('b')) t(x); -- a;a;a;b",
                &[("x", "a value of any type that has an order")],
            ),
            Self::Zscore => (
                "How many sample standard deviations the value lies above the mean of its partition; 0 where all \
                values are equal. NULL for NULL; NaN where the partition has a NaN or an infinity.",
                "the definition of the standard score, over n − 1",
                "zscore(x) OVER ([PARTITION BY g])",
                "SELECT zscore(x) OVER () FROM (VALUES (1), (2), (3)) t(x); -- -1.0;0.0;1.0",
                &[X],
            ),
            Self::ZscorePop => (
                "How many population standard deviations the value lies above the mean of its partition; 0 where \
                all values are equal. NULL for NULL; NaN where the partition has a NaN or an infinity.",
                "the definition of the standard score, over n",
                "zscore_pop(x) OVER ([PARTITION BY g])",
                "SELECT zscore_pop(x) OVER () FROM (VALUES (1), (3)) t(x); -- -1.0;1.0",
                &[X],
            ),
            Self::MadZscore => (
                "The modified z-score 0.6745·(x − median)/MAD, which outliers cannot bend; beyond 3.5 a value is \
                one. Where the MAD is 0, (x − median)/(1.2533·mean absolute deviation), and 0 where that is 0 \
                too. NULL for NULL; a NaN ranks above all numbers, and its own score is NaN.",
                "Iglewicz and Hoaglin (1993)",
                "mad_zscore(x) OVER ([PARTITION BY g])",
                "SELECT round(mad_zscore(x) OVER (), 4) FROM (VALUES (1), (2), (3), (4), (100)) t(x); -- \
                -1.349;-0.6745;0.0;0.6745;65.4265",
                &[X],
            ),
            Self::IqrOutlier => (
                "Whether the value lies outside of [Q1 − k·IQR, Q3 + k·IQR] of its partition, quartiles of type \
                7. NULL for NULL; a NaN ranks above all numbers.",
                "Tukey (1977); Hyndman and Fan (1996) for type 7",
                "iqr_outlier(x [, k]) OVER ([PARTITION BY g])",
                "SELECT iqr_outlier(x) OVER () FROM (VALUES (1), (2), (3), (4), (100)) t(x); -- \
                false;false;false;false;true",
                &FENCES,
            ),
            Self::CapIqr => (
                "The value, moved to the nearest of Q1 − k·IQR and Q3 + k·IQR of its partition if it lies outside \
                of them, quartiles of type 7. NULL for NULL; a NaN ranks above all numbers, and becomes the upper \
                fence.",
                "Tukey (1977); Hyndman and Fan (1996) for type 7",
                "cap_iqr(x [, k]) OVER ([PARTITION BY g])",
                "SELECT cap_iqr(x) OVER () FROM (VALUES (1), (2), (3), (4), (100)) t(x); -- 1.0;2.0;3.0;4.0;7.0",
                &FENCES,
            ),
            Self::Winsorize => (
                "The value, moved to the quantile at lo or hi of its partition if it lies outside of them, \
                quantiles of type 7. NULL for NULL; a NaN ranks above all numbers.",
                "Winsor's mean in Dixon (1960), with quantiles in the place of order statistics; Hyndman and Fan \
                (1996) for type 7",
                "winsorize(x, lo, hi) OVER ([PARTITION BY g])",
                "SELECT winsorize(x, 0.25, 0.75) OVER () FROM (VALUES (1), (2), (3), (4), (100)) t(x); -- \
                2.0;2.0;3.0;4.0;4.0",
                &[
                    X,
                    ("lo", "the lower quantile, from 0 to 1"),
                    ("hi", "the upper quantile, not below lo"),
                ],
            ),
        };
        Described {
            section: SECTION,
            sentence,
            source,
            syntax,
            example,
            arguments,
        }
    }

    /// What a call with these arguments does.
    ///
    /// # Errors
    /// [`Code::InvalidValue`](crate::error::Code::InvalidValue) for one that must be constant, or cannot mean
    /// anything.
    pub fn work(self, args: &[Arc<dyn PhysicalExpr>]) -> Result<Work> {
        Ok(Work::Numeric(match self {
            Self::FillMode => return Ok(Work::FillMode),
            Self::FillMean => Numeric::FillMean,
            Self::FillMedian => Numeric::FillMedian,
            Self::Zscore => Numeric::Zscore { less: 1.0 },
            Self::ZscorePop => Numeric::Zscore { less: 0.0 },
            Self::MadZscore => Numeric::MadZscore,
            Self::IqrOutlier => Numeric::IqrOutlier { k: self.k(args)? },
            Self::CapIqr => Numeric::CapIqr { k: self.k(args)? },
            Self::Winsorize => {
                let [_, lo, hi] = args else {
                    return Err(internal(self.name(), "it was not passed its arguments"));
                };
                let (lo, hi) = (self.quantile("lo", lo)?, self.quantile("hi", hi)?);
                if hi < lo {
                    return Err(invalid_argument(
                        self.name(),
                        "hi",
                        "must not be below argument 'lo'",
                    ));
                }
                Numeric::Winsorize { lo, hi }
            }
        }))
    }

    fn k(self, args: &[Arc<dyn PhysicalExpr>]) -> Result<f64> {
        match args.get(1) {
            None => Ok(K),
            Some(k) => match constant(self.name(), "k", k)? {
                k if k < 0.0 => Err(invalid_argument(self.name(), "k", "must not be negative")),
                k => Ok(k),
            },
        }
    }

    fn quantile(self, argument: &str, expr: &Arc<dyn PhysicalExpr>) -> Result<f64> {
        let q = constant(self.name(), argument, expr)?;
        if (0.0..=1.0).contains(&q) {
            return Ok(q);
        }
        Err(invalid_argument(
            self.name(),
            argument,
            "must lie between 0 and 1",
        ))
    }
}

/// A function over whole partitions with its constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Work {
    /// It computes with numbers.
    Numeric(Numeric),
    /// It fills with the most frequent value, of whatever type.
    FillMode,
}

impl Work {
    /// The function over the values of one partition.
    pub(super) fn of_one_partition(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let Self::Numeric(numeric) = self else {
            let mut states = mode_states(values.data_type())?;
            states.update_batch(std::slice::from_ref(values), &vec![0; values.len()], None, 1)?;
            return fill_from(values, None, &states.evaluate(EmitTo::All)?);
        };
        let numbers = as_numbers(values)?;
        let measures = match numeric.statistic() {
            Statistic::Moments => {
                let mut moments = [Moments::default()];
                Moments::add(&mut moments, numbers, None);
                let mut squares = [Sum::default()];
                if numeric.needs_squares() {
                    Sum::add_squares(&mut squares, &moments, numbers, None);
                }
                numeric.of_moments(&moments[0], squares[0])
            }
            Statistic::Values => {
                let mut values: Vec<f64> = numbers.iter().flatten().collect();
                numeric.of_values(&mut values)
            }
        };
        Ok(numeric.apply(numbers, None, &[measures]))
    }
}

/// The numbers of a column that was cast to DOUBLE.
///
/// # Errors
/// A defect, if it was not.
pub fn as_numbers(values: &ArrayRef) -> Result<&Float64Array> {
    let numbers = values.as_primitive_opt::<Float64Type>();
    numbers.ok_or_else(|| internal("cleaning", "a number of an unexpected type"))
}

/// The values, NULLs replaced by what their partition is filled with: `fills` has a row a partition.
///
/// # Errors
/// Arrow's own.
pub fn fill_from(values: &ArrayRef, groups: Option<&[u32]>, fills: &ArrayRef) -> Result<ArrayRef> {
    if values.null_count() == 0 {
        return Ok(Arc::clone(values));
    }
    let groups: PrimitiveArray<UInt32Type> = match groups {
        Some(groups) => PrimitiveArray::from_iter_values(groups.iter().copied()),
        None => PrimitiveArray::from_value(0, values.len()),
    };
    let fills = take(fills, &groups, None)?;
    if *values.data_type() == DataType::Null {
        return Ok(Arc::clone(values));
    }
    Ok(zip(&is_not_null(values)?, values, &fills)?)
}
