//! Rules over a table's columns: names are positions, conditions are expressions.

use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::definition::Rule;

/// A rule that fits its table.
#[derive(Debug, Clone)]
pub struct BoundRule {
    /// The rule.
    pub rule: Rule,
    /// The positions of the columns that it is about.
    pub columns: Vec<usize>,
    /// The rows that it applies to; over the table's columns, without a qualifier.
    pub filter: Option<Expr>,
    /// What it expects of them.
    pub expected: Expected,
}

/// What a rule expects. Expressions are over the table's columns, without a qualifier; a reference is a
/// plan of the other table's columns, in the order of the rule's own.
#[derive(Debug, Clone)]
pub enum Expected {
    /// The condition is not false of a row (and, if `nulls_fail`, not NULL).
    Condition {
        /// Boolean.
        condition: Expr,
        /// Whether NULL breaks it.
        nulls_fail: bool,
    },
    /// No other row has the same key.
    Unique {
        /// Spares the first (or, if true, the last) row of a key in this order.
        keep: Option<(Expr, bool)>,
    },
    /// The reference has the key.
    ForeignKey {
        /// The keys that there are.
        reference: LogicalPlan,
    },
    /// The condition, with aggregates in it, holds of all rows at once.
    Aggregate {
        /// Boolean.
        condition: Expr,
        /// Whether the rows are the table's as it would be after the load.
        over_table: bool,
    },
    /// The columns are those of the reference's row of the same key.
    Accurate {
        /// The reference's key columns, then the columns that are compared.
        reference: LogicalPlan,
        /// The positions of the key's columns.
        key: Vec<usize>,
        /// How far numbers may lie apart.
        tolerance: f64,
        /// As above.
        over_table: bool,
    },
    /// The column is distributed as the reference's.
    Stable {
        /// The reference's column.
        reference: LogicalPlan,
        /// The measure of their distance.
        statistic: crate::syntax::Statistic,
        /// What it stays below.
        limit: f64,
        /// As above.
        over_table: bool,
    },
}

impl BoundRule {
    /// Whether it is decided row by row, from the row alone.
    pub fn is_of_row(&self) -> bool {
        matches!(self.expected, Expected::Condition { .. })
    }

    /// Whether it is decided row by row, but only when all rows are known.
    pub fn is_of_set(&self) -> bool {
        matches!(
            self.expected,
            Expected::Unique { .. } | Expected::ForeignKey { .. }
        )
    }

    /// Whether it is decided once for all rows.
    pub fn is_of_table(&self) -> bool {
        !self.is_of_row() && !self.is_of_set()
    }

    /// Whether it is about the table as it would be after the load.
    pub fn is_over_table(&self) -> bool {
        match &self.expected {
            Expected::Aggregate { over_table, .. }
            | Expected::Accurate { over_table, .. }
            | Expected::Stable { over_table, .. } => *over_table,
            _ => false,
        }
    }
}
