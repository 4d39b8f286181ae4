//! A rule → a rule over its table's columns, with the place of whatever does not fit.

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::{find_aggregate_exprs, find_window_exprs};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, lit};
use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;

use crate::definition::{Rule, place_of_rule, type_text};
use crate::engine::session::Session;
use crate::engine::state::session_state;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::operators::validate::{BoundRule, Expected, aggregated, empty_rows};
use crate::planner;
use crate::syntax::quote::identifier;
use crate::syntax::{Expectation, Fragment, Parameters, Piece, Reference, Script};

/// What rules are fitted to.
pub(crate) struct Binding<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    /// The table's zone and name.
    pub table: (&'a str, &'a str),
    /// The table's columns.
    pub schema: SchemaRef,
    /// The table's rows, where its rules refer to the table itself; none if they are to be read as another's.
    pub itself: Option<LogicalPlan>,
    /// The statement that the rules stand in; none if they come from the table's definition.
    pub statement: Option<&'a Piece>,
}

impl Binding<'_> {
    /// Every rule.
    ///
    /// # Errors
    /// What does not fit, with its place in the statement, or else with the rule's name.
    pub(crate) async fn bind_all(&self, rules: &[Rule]) -> Result<Vec<BoundRule>> {
        let mut bound = Vec::with_capacity(rules.len());
        for rule in rules {
            bound.push(self.bind(rule).await?);
        }
        Ok(bound)
    }

    /// One rule.
    ///
    /// # Errors
    /// As [`Binding::bind_all`].
    pub(crate) async fn bind(&self, rule: &Rule) -> Result<BoundRule> {
        let bound = self.fitted(rule).await;
        bound.map_err(|error| match self.statement {
            Some(_) => error,
            None => self.unfit(rule, &error),
        })
    }

    /// That a rule of the table's definition does not fit it, with its place there.
    fn unfit(&self, rule: &Rule, why: &Error) -> Error {
        let (zone, table) = self.table;
        let message = format!(
            "rule '{}' of table '{zone}.{table}': {}",
            rule.name,
            why.message()
        );
        let error = Error::new(why.code(), message).with_hint_if(why.hint().map(str::to_owned));
        let catalog = self.session.lake().catalog();
        let file = catalog
            .zone(zone)
            .map(|zone| catalog.definition_file(zone, table));
        let place = file.ok().and_then(|file| {
            let text = std::fs::read_to_string(&file).ok()?;
            place_of_rule(&file, &text, &rule.name)
        });
        match place {
            Some(place) => error.at(place),
            None => error,
        }
    }

    async fn fitted(&self, rule: &Rule) -> Result<BoundRule> {
        let filter = match &rule.filter {
            Some(filter) => Some(self.condition(filter, "WHERE")?),
            None => None,
        };
        if let (Some(filter), Some(fragment)) = (&filter, &rule.filter)
            && !find_aggregate_exprs([filter]).is_empty()
        {
            return Err(self.at(
                Error::new(
                    Code::InvalidStatement,
                    "the rows that a rule applies to cannot depend on an aggregate",
                ),
                fragment.span,
            ));
        }
        let mut columns = Vec::new();
        let expected = match &rule.expectation {
            Expectation::Holds {
                expression,
                over_table,
            } => {
                let condition = self.condition(expression, "a rule's condition")?;
                columns.extend(self.positions_in(&condition));
                self.of_condition(rule, condition, expression, *over_table)?
            }
            Expectation::NotNull { columns: names } => {
                columns = self.positions(names)?;
                Expected::Condition {
                    condition: self.not_null(rule, &columns),
                    nulls_fail: false,
                }
            }
            Expectation::Unique { columns: names, keep } => {
                columns = self.positions(names)?;
                let keep = match keep {
                    Some(keep) => Some((self.value(&keep.by)?, keep.last)),
                    None => None,
                };
                Expected::Unique { keep }
            }
            Expectation::ForeignKey {
                columns: names,
                table,
                key,
            } => {
                columns = self.positions(names)?;
                let reference = self.reference(table, key).await?;
                self.comparable(&columns, names, &reference, 0)?;
                Expected::ForeignKey { reference }
            }
            Expectation::Accurate {
                columns: names,
                table,
                key,
                tolerance,
                over_table,
            } => {
                columns = self.positions(names)?;
                let keys = self.positions(key)?;
                let all: Vec<Ident> = key.iter().chain(names).cloned().collect();
                let reference = self.reference(table, &all).await?;
                self.comparable(&keys, key, &reference, 0)?;
                self.comparable(&columns, names, &reference, keys.len())?;
                Expected::Accurate {
                    reference,
                    key: keys,
                    tolerance: *tolerance,
                    over_table: *over_table,
                }
            }
            Expectation::Stable {
                column,
                table,
                statistic,
                limit,
                over_table,
            } => {
                let names = std::slice::from_ref(column);
                columns = self.positions(names)?;
                let data_type = self.schema.field(columns[0]).data_type();
                if !data_type.is_numeric() {
                    let name = type_text(data_type);
                    let message = format!(
                        "column '{}' of type {name} has no distribution to compare",
                        column.value
                    );
                    let error = Error::new(Code::DatatypeMismatch, message);
                    return Err(self.at(error.with_hint("STABLE is about numbers"), column.span));
                }
                let reference = self.reference(table, names).await?;
                self.comparable(&columns, names, &reference, 0)?;
                Expected::Stable {
                    reference,
                    statistic: *statistic,
                    limit: *limit,
                    over_table: *over_table,
                }
            }
        };
        Ok(BoundRule {
            rule: rule.clone(),
            columns,
            filter,
            expected,
        })
    }

    fn of_condition(
        &self,
        rule: &Rule,
        condition: Expr,
        expression: &Fragment,
        over_table: bool,
    ) -> Result<Expected> {
        let is_aggregate = !find_aggregate_exprs([&condition]).is_empty();
        if !is_aggregate && !over_table {
            return Ok(Expected::Condition {
                condition,
                nulls_fail: rule.nulls_fail,
            });
        }
        if !is_aggregate {
            let error = Error::new(
                Code::InvalidStatement,
                "OVER TABLE needs a condition with an aggregate",
            );
            return Err(self.at(
                error.with_hint("such as (count(*) > 0) OVER TABLE"),
                expression.span,
            ));
        }
        rule.check_once().map_err(|e| self.at(e, expression.span))?;
        Ok(Expected::Aggregate {
            condition,
            over_table,
        })
    }

    /// `a IS NOT NULL AND …`; of text that must not be blank, its trimmed value is not empty either.
    fn not_null(&self, rule: &Rule, columns: &[usize]) -> Expr {
        let one = |position: &usize| {
            let field = self.schema.field(*position);
            let column = Expr::Column(Column::new_unqualified(field.name()));
            let is_text = matches!(
                field.data_type(),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            );
            let present = column.clone().is_not_null();
            match rule.blank_fails && is_text {
                true => {
                    let trimmed = datafusion::functions::string::expr_fn::trim(vec![column]);
                    present.and(trimmed.not_eq(lit("")))
                }
                false => present,
            }
        };
        columns
            .iter()
            .map(one)
            .reduce(Expr::and)
            .unwrap_or_else(|| lit(true))
    }

    fn qualified(&self) -> Result<DFSchema> {
        let (zone, table) = self.table;
        DFSchema::try_from_qualified_schema(TableReference::partial(zone, table), &self.schema)
            .map_err(|e| self.session.translated_without_place(e))
    }

    fn piece(&self, fragment: &Fragment) -> Result<Piece> {
        match self.statement {
            Some(statement) if fragment.span != Span::empty() => Ok(statement.part(fragment.span)),
            _ => {
                let empty = || Error::new(Code::Syntax, "an expression is empty");
                Script::new(&fragment.sql)
                    .into_pieces()
                    .next()
                    .ok_or_else(empty)?
            }
        }
    }

    /// An expression over the table's columns, without their qualifier.
    fn value(&self, fragment: &Fragment) -> Result<Expr> {
        let piece = self.piece(fragment)?;
        let planned = self.planned(&piece);
        planned.map_err(|e| self.session.translated(e, &piece))
    }

    fn planned(&self, piece: &Piece) -> Result<Expr, DataFusionError> {
        let schema = self.qualified()?;
        let expr = planner::expression(self.state, piece, &schema)?;
        let refused = |what: &str, hint: &str| {
            Err(
                Error::new(Code::Unsupported, format!("a rule's condition has no {what}"))
                    .with_hint(hint)
                    .at(piece.start())
                    .into(),
            )
        };
        if expr.is_volatile() {
            return refused(
                "function whose value changes from call to call",
                "its answer could not be checked again",
            );
        }
        if !find_window_exprs([&expr]).is_empty() {
            return refused(
                "window function",
                "a condition is about one row, or with an aggregate about all",
            );
        }
        let expr = expr.transform_up(|e| match e {
            Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(
                column.name,
            )))),
            e => Ok(Transformed::no(e)),
        })?;
        Ok(expr.data)
    }

    /// An expression that is true or false.
    fn condition(&self, fragment: &Fragment, what: &str) -> Result<Expr> {
        let piece = self.piece(fragment)?;
        let condition = self.planned(&piece).and_then(|condition| {
            // Types are fitted together, and misfits found, where a plan is optimised.
            let rows = empty_rows(&self.schema)?;
            let plan = match find_aggregate_exprs([&condition]).is_empty() {
                true => LogicalPlanBuilder::from(rows)
                    .project([condition.clone().alias("c")])?
                    .build()?,
                false => aggregated(rows, &condition)?,
            };
            let plan = self.state.optimize(&plan)?;
            let data_type = plan.schema().field(0).data_type();
            if *data_type != DataType::Boolean {
                let message = format!("{what} is true or false, and this is {}", type_text(data_type));
                return Err(Error::new(Code::DatatypeMismatch, message)
                    .at(piece.start())
                    .into());
            }
            Ok(condition)
        });
        condition.map_err(|e| self.session.translated(e, &piece))
    }

    /// The condition of a CHECK, which is about single rows.
    ///
    /// # Errors
    /// What does not fit, with its place in the statement.
    pub(crate) fn check(&self, fragment: &Fragment) -> Result<Expr> {
        let condition = self.condition(fragment, "a CHECK's condition")?;
        if find_aggregate_exprs([&condition]).is_empty() {
            return Ok(condition);
        }
        let error = Error::new(
            Code::InvalidStatement,
            "a CHECK is about one row, and has no aggregate",
        );
        let error = error.with_hint("CONSTRAINT … EXPECT (…) ON VIOLATION FAIL is a rule about all rows");
        Err(self.at(error, fragment.span))
    }

    fn positions_in(&self, condition: &Expr) -> Vec<usize> {
        let refs = condition.column_refs();
        let mut positions: Vec<usize> = refs
            .iter()
            .filter_map(|column| self.schema.index_of(&column.name).ok())
            .collect();
        positions.sort_unstable();
        positions
    }

    /// The positions of columns: each by its own name, or else by the one that differs in case alone.
    fn positions(&self, names: &[Ident]) -> Result<Vec<usize>> {
        let mut positions = Vec::with_capacity(names.len());
        for name in names {
            let position = self.position(name)?;
            if positions.contains(&position) {
                let error = Error::new(
                    Code::DuplicateColumn,
                    format!("column '{}' is named twice", name.value),
                );
                return Err(self.at(error, name.span));
            }
            positions.push(position);
        }
        Ok(positions)
    }

    fn position(&self, name: &Ident) -> Result<usize> {
        if let Ok(position) = self.schema.index_of(&name.value) {
            return Ok(position);
        }
        let lower = name.value.to_lowercase();
        let alike = |quoted: bool| {
            let fields = self.schema.fields().iter().enumerate();
            let found: Vec<usize> = fields
                .filter(|(_, field)| !quoted && field.name().to_lowercase() == lower)
                .map(|(i, _)| i)
                .collect();
            found
        };
        match alike(name.quote_style.is_some()).as_slice() {
            [only] => Ok(*only),
            found => {
                let names = self.schema.fields().iter().map(|field| field.name().as_str());
                let (zone, table) = self.table;
                let error = match found.is_empty() {
                    true => {
                        let message = format!("column '{}' of table '{zone}.{table}' not found", name.value);
                        Error::new(Code::UndefinedColumn, message)
                            .with_hint_if(did_you_mean(&name.value, names))
                    }
                    false => {
                        let message = format!("column '{}' is ambiguous", name.value);
                        Error::new(Code::AmbiguousColumn, message).with_hint("quote the one that is meant")
                    }
                };
                Err(self.at(error, name.span))
            }
        }
    }

    /// The columns `names` of another table, as a plan.
    async fn reference(&self, table: &Reference, names: &[Ident]) -> Result<LogicalPlan> {
        let names = &match self.statement {
            Some(_) => names.to_vec(),
            None => names.iter().map(in_any_case).collect(),
        };
        let columns: Vec<String> = names
            .iter()
            .map(|name| match name.quote_style {
                Some(_) => format!("\"{}\"", name.value.replace('"', "\"\"")),
                None => name.value.clone(),
            })
            .collect();
        let mut reference = table.clone();
        let default_zone = || match self.statement {
            Some(_) => self.session.zone(),
            None => self.table.0.to_owned(),
        };
        reference.0.zone.get_or_insert_with(default_zone);
        if let (Some(itself), Some(zone)) = (&self.itself, &reference.0.zone)
            && (zone.to_lowercase(), reference.0.table.to_lowercase())
                == (self.table.0.to_lowercase(), self.table.1.to_lowercase())
        {
            return self.own_columns(itself, names);
        }
        let sql = format!("SELECT {} FROM {reference}", columns.join(", "));
        let piece = Script::new(&sql).into_pieces().next();
        let piece = piece.ok_or_else(|| Error::new(Code::Internal, "a reference is empty"))??;
        let planned = match self.statement {
            Some(_) => {
                self.session
                    .plan(self.state, &piece, &Parameters::default())
                    .await
            }
            // Who made the rule could read the other table; who loads rows need not.
            None => {
                let owner = vec![format!("{}.{}", self.table.0, self.table.1)];
                let state = session_state(self.session.lake(), self.session.config(), owner);
                self.session.plan(&state, &piece, &Parameters::default()).await
            }
        };
        planned.map_err(|error| {
            let error =
                Error::new(error.code(), error.message()).with_hint_if(error.hint().map(str::to_owned));
            let column = names
                .iter()
                .find(|name| error.message().contains(&format!("'{}'", name.value)));
            self.at(error, column.map_or(table.0.span, |column| column.span))
        })
    }

    /// The columns `names` of the table itself, as a plan.
    fn own_columns(&self, itself: &LogicalPlan, names: &[Ident]) -> Result<LogicalPlan> {
        let positions = self.positions(names)?;
        let columns = positions
            .into_iter()
            .map(|position| Expr::Column(Column::from(itself.schema().qualified_field(position))));
        let plan = LogicalPlanBuilder::from(itself.clone()).project(columns);
        let plan = plan.and_then(LogicalPlanBuilder::build);
        plan.map_err(|e| self.session.translated_without_place(e))
    }

    /// Whether columns can be compared with the reference's, from its column `first` on.
    fn comparable(
        &self,
        columns: &[usize],
        names: &[Ident],
        reference: &LogicalPlan,
        first: usize,
    ) -> Result<()> {
        for (i, (column, name)) in columns.iter().zip(names).enumerate() {
            let field = self.schema.field(*column);
            let other = reference.schema().field(first + i);
            let rows = empty_rows(&self.schema).and_then(|rows| {
                let pairs = LogicalPlanBuilder::from(rows).cross_join(
                    LogicalPlanBuilder::from(reference.clone())
                        .project([
                            Expr::Column(Column::from(reference.schema().qualified_field(first + i)))
                                .alias("__other"),
                        ])?
                        .build()?,
                )?;
                let equal = Expr::Column(Column::new_unqualified(field.name())).eq(col("__other"));
                let plan = pairs.project([equal.alias("e")])?.build()?;
                self.state.optimize(&plan)
            });
            let same_kind = field.data_type().is_numeric() == other.data_type().is_numeric();
            if rows.is_err() || !same_kind {
                let message = format!(
                    "column '{}' of type {} cannot be compared with '{}' of type {}",
                    field.name(),
                    type_text(field.data_type()),
                    other.name(),
                    type_text(other.data_type())
                );
                return Err(self.at(Error::new(Code::DatatypeMismatch, message), name.span));
            }
        }
        Ok(())
    }

    fn at(&self, error: Error, span: Span) -> Error {
        match self.statement {
            Some(statement) if span != Span::empty() => error.at(statement.locate(span)),
            _ => error,
        }
    }
}

/// A name that a definition has quoted because of its case, which was found in any case when the rule was made.
fn in_any_case(name: &Ident) -> Ident {
    let lower = name.value.to_lowercase();
    let quote_style = name.quote_style.filter(|_| identifier(&lower) != lower);
    Ident {
        quote_style,
        ..name.clone()
    }
}
