//! Which columns refer to another table, whose key has every one of their values.
//!
//! Where to look is told by names: `user_id` may mean `users.user_id`, `users.id` or `user.id`, `customer`
//! may mean `customers.id`, and any name a column of the same name that its table declares unique. What is
//! suggested has been counted: the other's column has no value twice, and none is missing.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result as PlanResult;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlanBuilder, lit};

use super::profile::{Measured, Profile, column};
use super::{Reader, count_of, provider};
use crate::definition::{TableDefinition, TableKind};
use crate::engine::rights;
use crate::error::Result;
use crate::syntax::{Expectation, TableName};

/// How many tables are looked into for one column.
const LOOKED_INTO_AT_MOST: usize = 4;

/// A column whose values are those of another table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub column: String,
    /// How many values it has.
    pub values: u64,
    pub zone: String,
    pub table: String,
    pub key: String,
}

/// A table that a column may refer to.
struct Candidate {
    zone: String,
    definition: Arc<TableDefinition>,
    /// What its key may be called, the likeliest first.
    keys: Vec<String>,
}

/// The columns of the table `own` (its zone and name) that refer to another; not those that are a key
/// themselves.
pub(super) async fn of(
    reader: &Reader<'_>,
    profile: &Profile,
    keys: &[Vec<String>],
    own: (&str, &str),
) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for measured in &profile.columns {
        let data_type = measured.field.data_type();
        let name = measured.field.name();
        let is_key = keys.iter().any(|key| key.as_slice() == [name.as_str()]);
        let can_refer = data_type.is_integer() || measured.text.is_some();
        if is_key || !can_refer || measured.values == 0 {
            continue;
        }
        let candidates = candidates(reader, name, own)?;
        for candidate in candidates.into_iter().take(LOOKED_INTO_AT_MOST) {
            if let Some(key) = key_of(reader, measured, &candidate).await? {
                found.push(Found {
                    column: name.clone(),
                    values: measured.values,
                    zone: candidate.zone,
                    table: candidate.definition.name.clone(),
                    key,
                });
                break;
            }
        }
    }
    Ok(found)
}

/// The tables that a column of this name may refer to: those of its own zone first.
fn candidates(reader: &Reader<'_>, column: &str, own: (&str, &str)) -> Result<Vec<Candidate>> {
    let catalog = reader.session.lake().catalog();
    let principal = rights::principal(&reader.session.config().read());
    let lower = column.to_lowercase();
    let mut all = Vec::new();
    for zone in catalog
        .zones()
        .iter()
        .filter(|zone| principal.may_read(&zone.name))
    {
        for entry in catalog.entries(zone)? {
            let Ok(definition) = entry.definition else {
                continue;
            };
            let is_itself = zone.name == own.0 && definition.name == own.1;
            if is_itself || matches!(definition.kind, TableKind::View(_)) {
                continue;
            }
            let mut keys = Vec::new();
            let declared = definition.rules.iter().any(|rule| match &rule.expectation {
                Expectation::Unique { columns, .. } => {
                    matches!(columns.as_slice(), [only] if only.value.to_lowercase() == lower)
                }
                _ => false,
            });
            let called = called(&definition.name.to_lowercase(), &lower);
            if declared || called.is_some() {
                keys.push(lower.clone());
            }
            keys.extend(called);
            if !keys.is_empty() {
                all.push(Candidate {
                    zone: zone.name.clone(),
                    definition,
                    keys,
                });
            }
        }
    }
    all.sort_by_key(|candidate| (candidate.zone != own.0, candidate.keys.len() < 2));
    Ok(all)
}

/// What the key of a table is called that a column of the name `column` speaks of.
fn called(table: &str, column: &str) -> Option<String> {
    let singular = match table.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => table.strip_suffix('s').unwrap_or(table).to_owned(),
    };
    [table, singular.as_str()].iter().find_map(|stem| {
        if stem.is_empty() {
            return None;
        }
        match column.strip_prefix(stem)? {
            "" => Some("id".to_owned()),
            rest => rest
                .strip_prefix('_')
                .filter(|key| !key.is_empty())
                .map(str::to_owned),
        }
    })
}

/// The column of the candidate that has every value, each once.
async fn key_of(reader: &Reader<'_>, measured: &Measured, candidate: &Candidate) -> Result<Option<String>> {
    let name = TableName {
        catalog: None,
        zone: Some(candidate.zone.clone()),
        table: candidate.definition.name.clone(),
        span: sqlparser::tokenizer::Span::empty(),
    };
    // A table that cannot be read is no suggestion, and no reason to make none.
    let Ok(parent) = provider(reader.session, reader.state, &name).await else {
        return Ok(None);
    };
    let schema = parent.schema();
    let is_text = measured.text.is_some();
    for key in &candidate.keys {
        let field = schema
            .fields()
            .iter()
            .find(|field| field.name().to_lowercase() == *key);
        let field = field.filter(|field| match is_text {
            true => super::profile::is_text(field.data_type()),
            false => field.data_type().is_integer(),
        });
        let Some(field) = field else { continue };
        if is_key(reader, &parent, field.name()).await?
            && is_complete(reader, measured.field.name(), &parent, field.name()).await?
        {
            return Ok(Some(field.name().clone()));
        }
    }
    Ok(None)
}

fn scan(table: &Arc<dyn TableProvider>) -> PlanResult<LogicalPlanBuilder> {
    LogicalPlanBuilder::scan("parent", provider_as_source(Arc::clone(table)), None)
}

/// Whether the column has values, and none twice.
async fn is_key(reader: &Reader<'_>, parent: &Arc<dyn TableProvider>, key: &str) -> Result<bool> {
    let plan = scan(parent).and_then(|plan| {
        plan.filter(column(key).is_not_null())?
            .aggregate(vec![column(key)], vec![count(lit(1_i64)).alias("n")])?
            .aggregate(Vec::<Expr>::new(), vec![max(column("n"))])?
            .build()
    });
    let row = reader.row(plan).await?;
    Ok(row.first().map_or(0, count_of) == 1)
}

/// Whether every value of the table's column is one of the other's.
async fn is_complete(
    reader: &Reader<'_>,
    own: &str,
    parent: &Arc<dyn TableProvider>,
    key: &str,
) -> Result<bool> {
    let plan = scan(parent).and_then(|parent| {
        let parent = parent
            .project([column(key).alias("__key")])?
            .alias("p")?
            .build()?;
        let equal = column(own).eq(Expr::Column(Column::new(Some("p"), "__key")));
        reader
            .scan()?
            .filter(column(own).is_not_null())?
            .join_on(parent, JoinType::LeftAnti, [equal])?
            .limit(0, Some(1))?
            .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])?
            .build()
    });
    let row = reader.row(plan).await?;
    Ok(row.first().map_or(1, count_of) == 0)
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_column_speaks_of_a_table_by_its_name() {
        let id = Some("id".to_owned());
        assert_eq!(called("users", "user_id"), id);
        assert_eq!(called("customers", "customer"), id);
        assert_eq!(called("categories", "category_id"), id);
        assert_eq!(called("user", "user_name"), Some("name".to_owned()));
        assert_eq!(called("users", "username"), None);
        assert_eq!(called("items", "user_id"), None);
    }
}
