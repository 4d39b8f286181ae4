//! Which columns, alone or a few together, no two rows share.
//!
//! The estimates of the profile say what is worth counting; what is suggested has been counted exactly.

use std::collections::BTreeSet;

use datafusion::functions::core::expr_fn::named_struct;
use datafusion::functions_aggregate::expr_fn::{approx_distinct, count};
use datafusion::logical_expr::{Expr, lit};

use super::profile::{Measured, Profile, column, is_simple};
use super::{Reader, count_of};
use crate::error::Result;

/// How far an estimate of different values may lie below the number of rows of a key.
const NEARLY: f64 = 0.9;
/// How many pairs of columns are looked at, and how many of them are counted exactly.
const PAIRS_AT_MOST: usize = 30;
const COUNTED_AT_MOST: usize = 4;

/// The keys that were found, each the names of its columns: single ones first.
pub(super) async fn of(reader: &Reader<'_>, profile: &Profile) -> Result<Vec<Vec<String>>> {
    let mut keys = Vec::new();
    if profile.rows < 2 {
        return Ok(keys);
    }
    let mut parts: Vec<&Measured> = Vec::new();
    for measured in profile.columns.iter().filter(|measured| can_be_key(measured)) {
        let key = vec![measured.field.name().clone()];
        let may_be = nearly(measured.unique, measured.values);
        if may_be && is_unique(reader, &key).await? {
            keys.push(key);
        } else if measured.values == profile.rows && measured.unique > 1 {
            parts.push(measured);
        }
    }
    if keys.is_empty() {
        keys.extend(pair(reader, profile, &parts).await?);
    }
    Ok(keys)
}

/// A key is made of whole numbers, texts, days or moments.
fn can_be_key(measured: &Measured) -> bool {
    let data_type = measured.field.data_type();
    let is_long = measured.text.as_ref().is_some_and(|text| text.lengths.1 > 100);
    let exact = is_simple(data_type) && !data_type.is_floating() && !data_type.is_decimal();
    exact && !is_long && measured.values > 1
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn nearly(unique: u64, rows: u64) -> bool {
    unique as f64 >= NEARLY * rows as f64
}

async fn is_unique(reader: &Reader<'_>, key: &[String]) -> Result<bool> {
    let columns: Vec<Expr> = key.iter().map(|name| column(name)).collect();
    let present: Vec<Expr> = columns.iter().cloned().map(Expr::is_not_null).collect();
    let plan = reader.scan().and_then(|mut plan| {
        for present in present {
            plan = plan.filter(present)?;
        }
        plan.aggregate(columns, vec![count(lit(1_i64)).alias("n")])?
            .filter(column("n").gt(lit(1_i64)))?
            .limit(0, Some(1))?
            .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])?
            .build()
    });
    let row = reader.row(plan).await?;
    Ok(row.first().map_or(0, count_of) == 0)
}

/// The first pair of columns that is a key. The pairs' different values are estimated together, in one
/// more pass.
async fn pair(reader: &Reader<'_>, profile: &Profile, parts: &[&Measured]) -> Result<Option<Vec<String>>> {
    let mut pairs: Vec<(&Measured, &Measured)> = Vec::new();
    for (i, first) in parts.iter().enumerate() {
        pairs.extend(parts[i + 1..].iter().map(|second| (*first, *second)));
    }
    pairs.retain(|(a, b)| nearly(a.unique.saturating_mul(b.unique), profile.rows));
    // A column of many values and one of few make the likeliest key: an order and its line.
    pairs.sort_by_key(|(a, b)| a.unique.saturating_mul(b.unique));
    pairs.truncate(PAIRS_AT_MOST);
    if pairs.is_empty() {
        return Ok(None);
    }
    let estimates = pairs.iter().enumerate().map(|(i, (a, b))| {
        let both = [a, b].map(|part| [lit(part.field.name().as_str()), column(part.field.name())]);
        approx_distinct(named_struct(both.concat())).alias(format!("m{i}"))
    });
    let estimates: Vec<Expr> = estimates.collect();
    let plan = reader
        .scan()
        .and_then(|scan| scan.aggregate(Vec::<Expr>::new(), estimates))
        .and_then(|plan| plan.build());
    let row = reader.row(plan).await?;
    let likely = pairs
        .iter()
        .zip(&row)
        .filter(|(_, unique)| nearly(count_of(unique), profile.rows));
    let mut seen = BTreeSet::new();
    for ((a, b), _) in likely.take(COUNTED_AT_MOST) {
        let key = vec![a.field.name().clone(), b.field.name().clone()];
        if seen.insert(key.clone()) && is_unique(reader, &key).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
