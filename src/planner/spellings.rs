//! `NATURAL JOIN` and `UNION BY NAME` match columns by their names' exact spelling, where names are found in any
//! case everywhere else: columns that differ in case alone are refused there, and not left unmatched.

use std::ops::ControlFlow;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::{JoinConstraint, LogicalPlan};
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    JoinConstraint as SqlConstraint, JoinOperator as J, Query, Select, SetExpr, SetQuantifier, TableFactor,
    TableWithJoins, Visit, Visitor,
};

use crate::error::{Code, Error};

/// What in a statement matches columns by name.
#[derive(Default)]
pub(super) struct ByName {
    natural: bool,
    union: bool,
}

impl ByName {
    pub(super) fn of(statement: &Standard) -> Self {
        let mut found = Self::default();
        match statement {
            Standard::Statement(inner) => {
                let _: ControlFlow<()> = inner.visit(&mut found);
            }
            Standard::Explain(explain) => return Self::of(&explain.statement),
            _ => {}
        }
        found
    }

    /// Checks the plan of the statement.
    ///
    /// # Errors
    /// [`Code::AmbiguousColumn`].
    pub(super) fn check(&self, plan: &LogicalPlan) -> Result<()> {
        if !self.natural && !self.union {
            return Ok(());
        }
        plan.apply_with_subqueries(|node| {
            match node {
                LogicalPlan::Join(join)
                    if self.natural
                        && (join.join_constraint == JoinConstraint::Using
                            || (join.on.is_empty() && join.filter.is_none())) =>
                {
                    differ("a NATURAL JOIN", join.left.schema(), join.right.schema())?;
                }
                LogicalPlan::Union(union) if self.union => {
                    differ("UNION BY NAME", &union.schema, &union.schema)?;
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }
}

fn differ(what: &str, left: &DFSchema, right: &DFSchema) -> Result<(), Error> {
    for one in left.fields() {
        let like = |other: &str| other != one.name() && other.to_lowercase() == one.name().to_lowercase();
        let Some(other) = right.fields().iter().find(|other| like(other.name())) else {
            continue;
        };
        let message = format!(
            "columns \"{}\" and \"{}\" of {what} differ in case alone",
            one.name(),
            other.name()
        );
        return Err(Error::new(Code::AmbiguousColumn, message)
            .with_hint("give one of them the other's name, or another one: SELECT … AS …"));
    }
    Ok(())
}

impl Visitor for ByName {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.set_operations(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.natural |= select.from.iter().any(is_natural);
        ControlFlow::Continue(())
    }
}

impl ByName {
    fn set_operations(&mut self, body: &SetExpr) {
        if let SetExpr::SetOperation {
            left,
            right,
            set_quantifier,
            ..
        } = body
        {
            self.union |= matches!(
                set_quantifier,
                SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
            );
            self.set_operations(left);
            self.set_operations(right);
        }
    }
}

fn is_natural(from: &TableWithJoins) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => is_natural(table_with_joins),
        _ => false,
    };
    nested(&from.relation)
        || from.joins.iter().any(|join| {
            let is_natural = matches!(
                &join.join_operator,
                J::Join(SqlConstraint::Natural)
                    | J::Inner(SqlConstraint::Natural)
                    | J::Left(SqlConstraint::Natural)
                    | J::LeftOuter(SqlConstraint::Natural)
                    | J::Right(SqlConstraint::Natural)
                    | J::RightOuter(SqlConstraint::Natural)
                    | J::FullOuter(SqlConstraint::Natural)
            );
            is_natural || nested(&join.relation)
        })
}
