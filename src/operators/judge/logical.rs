//! The logical node.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::JudgeExec;
use super::files::FileTally;
use crate::definition::Rule;
use crate::error::{Code, Error};
use crate::operators::input::one_input;
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::per_value::per_value;
use crate::operators::validate::{Gate, GateRule, Reading, Tally, VIOLATIONS, named, violations_type};

/// The column that says the position of a row's file.
pub(super) const FILE: &str = "__weir_file";

/// How the columns begin that are no columns of the rows.
pub(super) const HIDDEN: &str = "__weir_";

/// A rule, and the names of the columns that say what it says.
#[derive(Debug, Clone)]
pub struct JudgedRule {
    /// The rule.
    pub rule: Rule,
    /// The columns that it is about.
    pub columns: Vec<String>,
    /// The Boolean column (of a conversion, the raw value).
    pub flag: String,
    /// How that is read.
    pub reading: Reading,
    /// The condition on the rows that it applies to.
    pub filter: Option<String>,
}

/// What is made of the rows.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// They pass, and are counted.
    Count(Arc<Tally>),
    /// They pass, and are counted by the file that they lie in, which the column `__weir_file` says.
    CountFiles(Arc<FileTally>),
    /// Those that break a rule pass, with what is wrong with them.
    Show,
}

/// Rows and what the rules say of them.
#[derive(Debug, Clone)]
pub struct JudgeNode {
    input: LogicalPlan,
    rules: Arc<[JudgedRule]>,
    purpose: Purpose,
    schema: DFSchemaRef,
}

impl JudgeNode {
    /// Over rows with a column for each rule.
    ///
    /// # Errors
    /// DataFusion's own, for columns of one name.
    pub fn plan(input: LogicalPlan, rules: Arc<[JudgedRule]>, purpose: Purpose) -> Result<LogicalPlan> {
        let node = Self::new(input, rules, purpose)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    fn new(input: LogicalPlan, rules: Arc<[JudgedRule]>, purpose: Purpose) -> Result<Self> {
        let visible = input
            .schema()
            .iter()
            .filter(|(_, field)| !field.name().starts_with(HIDDEN));
        let mut fields: Vec<_> = visible
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .collect();
        if matches!(purpose, Purpose::Show) {
            fields.push((None, Arc::new(Field::new(VIOLATIONS, violations_type(), true))));
        }
        Ok(Self {
            schema: Arc::new(DFSchema::new_with_metadata(
                fields,
                input.schema().metadata().clone(),
            )?),
            input,
            rules,
            purpose,
        })
    }

    /// The names of the columns that the node itself reads.
    fn read(&self) -> HashSet<&str> {
        let own = self.rules.iter().flat_map(|rule| {
            let columns = matches!(self.purpose, Purpose::Show).then_some(&rule.columns);
            let columns = columns.into_iter().flatten().map(String::as_str);
            columns.chain([rule.flag.as_str()]).chain(rule.filter.as_deref())
        });
        let file = matches!(self.purpose, Purpose::CountFiles(_)).then_some(FILE);
        own.chain(file).collect()
    }

    /// The columns that the rules compute, each with its rule's name.
    fn owners(&self) -> HashMap<String, Vec<String>> {
        let columns = self.rules.iter().flat_map(|rule| {
            let columns = [Some(&rule.flag), rule.filter.as_ref()];
            let owned = |column: &String| (column.clone(), vec![rule.rule.name.clone()]);
            columns.into_iter().flatten().map(owned)
        });
        columns.collect()
    }

    /// The gate over the input's columns, wherever the optimiser has left them.
    fn gate(&self) -> Result<Gate> {
        let schema = self.input.schema();
        let position = |name: &String| -> Result<usize> {
            schema.index_of_column_by_name(None, name).ok_or_else(|| {
                Error::new(Code::Internal, format!("a rule's column '{name}' was lost")).into()
            })
        };
        // A count needs no columns but what the rules say.
        let columns = |rule: &JudgedRule| -> Result<Vec<usize>> {
            match self.purpose {
                Purpose::Count(_) | Purpose::CountFiles(_) => Ok(Vec::new()),
                Purpose::Show => rule.columns.iter().map(position).collect(),
            }
        };
        let rules = self.rules.iter().map(|rule| {
            Ok(GateRule {
                rule: rule.rule.clone(),
                columns: columns(rule)?,
                flag: position(&rule.flag)?,
                reading: rule.reading,
                filter: rule.filter.as_ref().map(position).transpose()?,
            })
        });
        let rules = rules.collect::<Result<_>>()?;
        let visible = schema.fields().iter().enumerate();
        let visible = visible.filter(|(_, field)| !field.name().starts_with(HIDDEN));
        Ok(Gate {
            columns: schema.fields().len(),
            passed: visible.map(|(i, _)| i).collect(),
            rules,
            fate: None,
            origin: None,
        })
    }
}

impl PartialEq for JudgeNode {
    fn eq(&self, other: &Self) -> bool {
        let same_purpose = match (&self.purpose, &other.purpose) {
            (Purpose::Count(a), Purpose::Count(b)) => Arc::ptr_eq(a, b),
            (Purpose::CountFiles(a), Purpose::CountFiles(b)) => Arc::ptr_eq(a, b),
            (Purpose::Show, Purpose::Show) => true,
            _ => false,
        };
        same_purpose && Arc::ptr_eq(&self.rules, &other.rules) && self.input == other.input
    }
}

impl Eq for JudgeNode {}

impl Hash for JudgeNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rules.iter().for_each(|rule| rule.rule.name.hash(state));
        self.input.hash(state);
    }
}

impl PartialOrd for JudgeNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for JudgeNode {
    fn name(&self) -> &str {
        "Judge"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// Rows can be left out beforehand by what they are, not by what is wrong with them; and none that
    /// are counted.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        match self.purpose {
            Purpose::Show => HashSet::from([VIOLATIONS.to_owned()]),
            Purpose::Count(_) | Purpose::CountFiles(_) => {
                let fields = self.schema.fields().iter();
                fields.map(|field| field.name().clone()).collect()
            }
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.rules.iter().map(|rule| rule.rule.name.as_str()).collect();
        write!(f, "Judge: rules=[{}]", names.join(", "))
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Self::new(one_input(inputs)?, Arc::clone(&self.rules), self.purpose.clone())
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let wanted = output_columns
            .iter()
            .map(|i| self.schema.field(*i).name().as_str());
        let needed: HashSet<&str> = wanted.chain(self.read()).collect();
        let fields = self.input.schema().fields().iter().enumerate();
        let kept = fields.filter(|(_, field)| needed.contains(field.name().as_str()));
        Some(vec![kept.map(|(i, _)| i).collect()])
    }
}

impl PhysicalNode for JudgeNode {
    fn physical(&self, _: &Planning<'_>, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(self.schema.inner());
        // Before the scan takes the projection in.
        let input = named(per_value(input)?, &self.owners())?;
        let judge = JudgeExec::new(input, Arc::new(self.gate()?), self.purpose.clone(), schema);
        Ok(Arc::new(judge))
    }
}
