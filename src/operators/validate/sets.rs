//! Rules that are decided when all rows are known, as logical plans: each gives the numbers of the rows
//! that break it. They read no more than the key, and what they are made of (aggregation, joins, sorts)
//! spills.

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::{rank, row_number};
use datafusion::logical_expr::{Expr, ExprFunctionExt, JoinType, LogicalPlan, LogicalPlanBuilder, col, lit};

use super::spool::NUMBER;

/// True in rows of which several of a key could be spared.
pub const TIE: &str = "__weir_tie";

/// Rows, and the columns and the condition by which they are looked at.
#[derive(Debug, Clone)]
pub struct Keys<'a> {
    /// The key's columns.
    pub columns: &'a [String],
    /// The rows that count.
    pub filter: Option<&'a Expr>,
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn key_name(i: usize) -> String {
    format!("__weir_k{i}")
}

fn key_names(count: usize) -> Vec<String> {
    (0..count).map(key_name).collect()
}

impl Keys<'_> {
    /// The rows of `rows` with no NULL in the key, as key columns and `others`.
    fn of(&self, rows: LogicalPlan, others: &[Expr]) -> Result<LogicalPlan> {
        let mut builder = LogicalPlanBuilder::from(rows);
        if let Some(filter) = self.filter {
            builder = builder.filter(filter.clone())?;
        }
        let present = self.columns.iter().map(|name| column(name).is_not_null());
        if let Some(present) = present.reduce(Expr::and) {
            builder = builder.filter(present)?;
        }
        let keys = self
            .columns
            .iter()
            .enumerate()
            .map(|(i, name)| column(name).alias(key_name(i)));
        builder.project(keys.chain(others.iter().cloned()))?.build()
    }

    /// The keys of `rows` with no NULL in them, and `others`.
    ///
    /// # Errors
    /// DataFusion's own.
    pub fn keys(&self, rows: &LogicalPlan, others: &[Expr]) -> Result<LogicalPlan> {
        self.of(rows.clone(), others)
    }

    /// The rows whose key another row has too; they have the table's columns and [`NUMBER`].
    ///
    /// # Errors
    /// DataFusion's own.
    pub fn repeated(&self, rows: &LogicalPlan) -> Result<LogicalPlan> {
        let names = key_names(self.columns.len());
        let all = LogicalPlanBuilder::from(self.of(rows.clone(), &[])?);
        let several = all
            .aggregate(
                names.iter().map(|name| column(name)),
                [count(lit(1_i64)).alias("__weir_n")],
            )?
            .filter(col("__weir_n").gt(lit(1_i64)))?
            .project(names.iter().map(|name| column(name)))?
            .alias("several")?
            .build()?;
        self.matching(rows, several, JoinType::LeftSemi)
    }

    /// The rows whose key one of `held` has.
    ///
    /// # Errors
    /// DataFusion's own.
    pub fn held(&self, rows: &LogicalPlan, held: &LogicalPlan) -> Result<LogicalPlan> {
        let held = self.of(held.clone(), &[])?;
        let held = LogicalPlanBuilder::from(held).alias("several")?.build()?;
        self.matching(rows, held, JoinType::LeftSemi)
    }

    fn matching(&self, rows: &LogicalPlan, keys: LogicalPlan, join: JoinType) -> Result<LogicalPlan> {
        let names = key_names(self.columns.len());
        let columns = |table: &str| -> Vec<Column> {
            names
                .iter()
                .map(|name| Column::new(Some(table), name.as_str()))
                .collect()
        };
        LogicalPlanBuilder::from(self.of(rows.clone(), &[column(NUMBER)])?)
            .alias("input")?
            .join(keys, join, (columns("input"), columns("several")), None)?
            .project([Expr::Column(Column::new(Some("input"), NUMBER)).alias(NUMBER)])?
            .build()
    }

    /// The rows that are not the first (or last) of their key in the order of `by`, NULL last; with
    /// [`TIE`], whether the row is as good as the first.
    ///
    /// # Errors
    /// DataFusion's own.
    pub fn behind(&self, rows: &LogicalPlan, by: &Expr, last: bool) -> Result<LogicalPlan> {
        let keys: Vec<Expr> = key_names(self.columns.len())
            .iter()
            .map(|name| column(name))
            .collect();
        let input = self.of(rows.clone(), &[column(NUMBER), by.clone().alias("__weir_by")])?;
        let order = || vec![col("__weir_by").sort(!last, false)];
        let over = |function: Expr| function.partition_by(keys.clone()).order_by(order()).build();
        let ranked = LogicalPlanBuilder::window_plan(input, [over(row_number())?, over(rank())?])?;
        let fields = ranked.schema().fields().len();
        let name = |i: usize| ranked.schema().qualified_field(i);
        let (position, rank) = (Column::from(name(fields - 2)), Column::from(name(fields - 1)));
        // Which of the two windows is planned first is not said.
        let (a, b) = (Expr::Column(position), Expr::Column(rank));
        let both = a.clone().gt(lit(1_u64)).or(b.clone().gt(lit(1_u64)));
        let tie = a.eq(lit(1_u64)).or(b.eq(lit(1_u64)));
        LogicalPlanBuilder::from(ranked)
            .filter(both)?
            .project([column(NUMBER), tie.alias(TIE)])?
            .build()
    }

    /// The rows whose key `reference` (a column for each of the key's) does not have.
    ///
    /// # Errors
    /// DataFusion's own.
    pub fn missing(&self, rows: &LogicalPlan, reference: &LogicalPlan) -> Result<LogicalPlan> {
        let fields = 0..self.columns.len();
        let renamed = fields.clone().map(|i| {
            let field = reference.schema().qualified_field(i);
            Expr::Column(Column::from(field)).alias(format!("__weir_r{i}"))
        });
        let reference = LogicalPlanBuilder::from(reference.clone())
            .project(renamed)?
            .alias("reference")?
            .build()?;
        let equal = fields.map(|i| {
            let other = Expr::Column(Column::new(Some("reference"), format!("__weir_r{i}")));
            Expr::Column(Column::new(Some("input"), key_name(i))).eq(other)
        });
        LogicalPlanBuilder::from(self.of(rows.clone(), &[column(NUMBER)])?)
            .alias("input")?
            .join_on(reference, JoinType::LeftAnti, equal)?
            .project([Expr::Column(Column::new(Some("input"), NUMBER)).alias(NUMBER)])?
            .build()
    }
}
