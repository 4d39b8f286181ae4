//! What a statement's data must tell before the statement can be planned.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use crate::error::Error;

/// A query of one column that must be run before a statement can be planned.
///
/// It travels as an error. Where nobody answers it (a view's columns must not depend on the data), it is the
/// error that it carries.
#[derive(Debug)]
pub struct Question {
    key: String,
    plan: LogicalPlan,
    unanswered: Error,
}

impl Question {
    pub(super) fn new(key: String, plan: LogicalPlan, unanswered: Error) -> Self {
        Self {
            key,
            plan,
            unanswered,
        }
    }

    /// The question in `error`, if it is one.
    pub fn of(error: &DataFusionError) -> Option<&Self> {
        match error {
            DataFusionError::External(inner) => inner.downcast_ref(),
            DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => Self::of(inner),
            DataFusionError::Shared(inner) => Self::of(inner),
            DataFusionError::Collection(all) => all.iter().find_map(Self::of),
            _ => None,
        }
    }

    /// The query.
    pub fn plan(&self) -> &LogicalPlan {
        &self.plan
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.unanswered.fmt(f)
    }
}

impl std::error::Error for Question {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.unanswered)
    }
}

/// Answers to a statement's questions.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<HashMap<String, ArrayRef>>);

impl Answers {
    /// Takes in the column that the query of `question` gave.
    pub fn add(&mut self, question: &Question, values: ArrayRef) {
        Arc::make_mut(&mut self.0).insert(question.key.clone(), values);
    }

    pub(super) fn get(&self, key: &str) -> Option<&ArrayRef> {
        self.0.get(key)
    }
}
