//! Functions that take a relation: `f(t, argument, name => argument)` in FROM.
//!
//! Owns what a function says of itself ([`Signature`]) and the reading of its arguments ([`Call`]):
//! by position or by name, columns found as the rest of SQL finds them, constants folded, parameters
//! in place. Every error points at the argument that it is about.

use std::collections::BTreeMap;
use std::fmt::Debug;

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{Column, DFSchemaRef, Diagnostic, ExprSchema, Result, ScalarValue, Span};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{DocSection, Documentation, Expr, LogicalPlan};
use sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, Value,
};

use crate::definition::type_text;
use crate::error::{Code, Error, did_you_mean};

/// An interval's parts.
pub type Interval = <IntervalMonthDayNanoType as ArrowPrimitiveType>::Native;

/// A function that takes a relation.
pub trait RelationFunction: Debug + Send + Sync {
    /// What it says of itself.
    fn signature(&self) -> &'static Signature;

    /// The plan of one call.
    ///
    /// # Errors
    /// What its arguments lack, each at its place.
    fn plan(&self, call: Call<'_>) -> Result<LogicalPlan>;
}

/// A relation function's name, arguments and documentation.
#[derive(Debug)]
pub struct Signature {
    /// The name, in lower case.
    pub name: &'static str,
    /// How it is called.
    pub syntax: &'static str,
    /// One sentence.
    pub sentence: &'static str,
    /// Who defined it so.
    pub source: &'static str,
    /// A statement that runs as it stands.
    pub example: &'static str,
    /// The arguments after the relation: those that have a position, then those that have a name
    /// only.
    pub parameters: &'static [Parameter],
}

/// One argument of a relation function.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// How it can be given.
    pub binding: Binding,
}

/// How an argument can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// By position or by name; it must be given.
    Required,
    /// By position or by name, or not at all.
    Optional,
    /// By name, or not at all.
    Named,
}

/// Computes a constant expression, its parameters in place; `None` if it is not constant.
pub trait Fold {
    /// The value of `expr`.
    ///
    /// # Errors
    /// DataFusion's own, if it cannot be computed.
    fn fold(&self, expr: Expr) -> Result<Option<ScalarValue>>;
}

/// One call, with its arguments bound.
pub struct Call<'a> {
    signature: &'static Signature,
    place: sqlparser::tokenizer::Span,
    input: LogicalPlan,
    arguments: BTreeMap<&'static str, SqlExpr>,
    context: &'a mut dyn RelationPlannerContext,
    fold: &'a dyn Fold,
}

impl<'a> Call<'a> {
    /// Binds `arguments`, those after the relation, to the function's parameters.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for one that is missing, given twice or unknown.
    pub fn bind(
        signature: &'static Signature,
        place: sqlparser::tokenizer::Span,
        input: LogicalPlan,
        arguments: Vec<FunctionArg>,
        context: &'a mut dyn RelationPlannerContext,
        fold: &'a dyn Fold,
    ) -> Result<Self> {
        let mut call = Self {
            signature,
            place,
            input,
            arguments: BTreeMap::new(),
            context,
            fold,
        };
        let mut positional = signature
            .parameters
            .iter()
            .filter(|parameter| parameter.binding != Binding::Named);
        for argument in arguments {
            let (parameter, value) = match call.named(argument)? {
                (Some(parameter), value) => (parameter, value),
                (None, value) => {
                    let Some(parameter) = positional.next() else {
                        let error = call.error(Code::InvalidValue, "is given too many arguments");
                        return Err(at(error.with_hint(signature.call_it()), value.span()));
                    };
                    (parameter, value)
                }
            };
            let span = value.span();
            if call.arguments.insert(parameter.name, value).is_some() {
                let problem = format!("argument '{}' is given twice", parameter.name);
                return Err(at(call.error(Code::InvalidValue, &problem), span));
            }
        }
        let missing = signature.parameters.iter().find(|parameter| {
            parameter.binding == Binding::Required && !call.arguments.contains_key(parameter.name)
        });
        match missing {
            None => Ok(call),
            Some(missing) => {
                let problem = format!("argument '{}' is missing", missing.name);
                let error = call.error(Code::InvalidValue, &problem);
                Err(at(error.with_hint(signature.call_it()), place))
            }
        }
    }

    /// The parameter that an argument names, if it names one, and its value.
    fn named(&self, argument: FunctionArg) -> Result<(Option<&'static Parameter>, SqlExpr)> {
        let (name, value) = match argument {
            FunctionArg::Unnamed(value) => (None, value),
            FunctionArg::Named { name, arg, .. } => (Some(name), arg),
            FunctionArg::ExprNamed {
                name: SqlExpr::Identifier(name),
                arg,
                ..
            } => (Some(name), arg),
            FunctionArg::ExprNamed { name, .. } => {
                let error = self.error(Code::Syntax, "an argument's name is a plain word");
                return Err(at(error, name.span()));
            }
        };
        let parameter = name.map(|name| self.parameter(&name)).transpose()?;
        match value {
            FunctionArgExpr::Expr(value) => Ok((parameter, value)),
            _ => {
                let error = self.error(Code::Syntax, "takes no '*' here");
                Err(at(error, self.place))
            }
        }
    }

    fn parameter(&self, name: &Ident) -> Result<&'static Parameter> {
        let mut parameters = self.signature.parameters.iter();
        parameters
            .find(|parameter| parameter.name.eq_ignore_ascii_case(&name.value))
            .ok_or_else(|| {
                let names = self.signature.parameters.iter().map(|parameter| parameter.name);
                let hint = did_you_mean(&name.value, names).unwrap_or_else(|| self.signature.call_it());
                let error = self.error(
                    Code::InvalidValue,
                    &format!("there is no argument '{}'", name.value),
                );
                at(error.with_hint(hint), name.span)
            })
    }

    fn error(&self, code: Code, problem: &str) -> Error {
        Error::new(code, format!("{}: {problem}", self.signature.name))
    }

    /// An error about one argument, at its place.
    pub fn refuse(&self, code: Code, argument: &str, problem: impl AsRef<str>) -> DataFusionError {
        self.refuse_with(code, argument, problem, None)
    }

    /// An error about one argument, at its place, with the way out.
    pub fn refuse_with(
        &self,
        code: Code,
        argument: &str,
        problem: impl AsRef<str>,
        hint: Option<&str>,
    ) -> DataFusionError {
        let text = format!("argument '{argument}' {}", problem.as_ref());
        let error = self.error(code, &text).with_hint_if(hint.map(str::to_owned));
        at(error, self.place(argument))
    }

    /// Where an argument stands; where the call does, if it has no place of its own.
    pub fn place(&self, argument: &str) -> sqlparser::tokenizer::Span {
        let span = self.arguments.get(argument).map(place_of);
        let span = span.filter(|span| *span != sqlparser::tokenizer::Span::empty());
        span.unwrap_or(self.place)
    }

    /// The relation.
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// The relation, when all arguments are read.
    pub fn into_input(self) -> LogicalPlan {
        self.input
    }

    /// Whether an argument is given.
    pub fn has(&self, argument: &str) -> bool {
        self.arguments.contains_key(argument)
    }

    /// The column of the relation that an argument names; `DESCRIPTOR(column)` is accepted.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`], or [`Code::InvalidValue`] if it is not a column.
    pub fn column(&mut self, argument: &str) -> Result<Column> {
        let Some(sql) = self.arguments.get(argument).cloned() else {
            return Err(self.refuse(Code::InvalidValue, argument, "is missing"));
        };
        self.column_of(argument, sql)
    }

    /// The columns of `[a, b]`, or the one that is named without brackets; empty if the argument is
    /// not given.
    ///
    /// # Errors
    /// As [`Call::column`].
    pub fn columns(&mut self, argument: &str) -> Result<Vec<Column>> {
        let parts = match self.arguments.get(argument).cloned() {
            None => return Ok(Vec::new()),
            Some(SqlExpr::Array(array)) => array.elem,
            Some(SqlExpr::Tuple(parts)) => parts,
            Some(SqlExpr::Nested(inner)) => vec![*inner],
            Some(single) => vec![single],
        };
        let mut columns = Vec::with_capacity(parts.len());
        for part in parts {
            let span = part.span();
            let column = self.column_of(argument, part)?;
            if columns.contains(&column) {
                let problem = format!("argument '{argument}' names column '{}' twice", column.name);
                return Err(at(self.error(Code::InvalidValue, &problem), span));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn column_of(&mut self, argument: &str, sql: SqlExpr) -> Result<Column> {
        let sql = described(sql);
        let span = sql.span();
        let schema = DFSchemaRef::clone(self.input.schema());
        match self.context.sql_to_expr(sql, &schema)? {
            Expr::Column(column) if schema.has_column(&column) => Ok(column),
            _ => {
                let problem = format!("argument '{argument}' must be a column of the relation");
                let error = self.error(Code::InvalidValue, &problem);
                Err(at(error.with_hint("compute it in a subquery: (SELECT …)"), span))
            }
        }
    }

    /// The type of a column of the relation.
    ///
    /// # Errors
    /// DataFusion's own, if it is not there.
    pub fn type_of(&self, column: &Column) -> Result<DataType> {
        Ok(self.input.schema().field_from_column(column)?.data_type().clone())
    }

    /// The value of a constant argument; `None` if it is not given.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if it is not constant, or NULL.
    pub fn constant(&mut self, argument: &str) -> Result<Option<ScalarValue>> {
        let Some(sql) = self.arguments.get(argument).cloned() else {
            return Ok(None);
        };
        let schema = DFSchemaRef::clone(self.input.schema());
        let expr = self.context.sql_to_expr(sql, &schema)?;
        match self.fold.fold(expr)? {
            Some(value) if value.is_null() => {
                Err(self.refuse(Code::InvalidValue, argument, "must not be NULL"))
            }
            Some(value) => Ok(Some(value)),
            None => Err(self.refuse(Code::InvalidValue, argument, "must be a constant")),
        }
    }

    /// A constant interval, or a text that is one.
    ///
    /// # Errors
    /// [`Code::DatatypeMismatch`] or [`Code::InvalidValue`].
    pub fn interval(&mut self, argument: &str) -> Result<Option<Interval>> {
        let Some(value) = self.constant(argument)? else {
            return Ok(None);
        };
        let found = value.data_type();
        let text = matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if !text && !matches!(found, DataType::Interval(_) | DataType::Duration(_)) {
            let problem = format!("must be an interval, not {}", type_text(&found));
            let hint = "write INTERVAL '5 minutes'";
            return Err(self.refuse_with(Code::DatatypeMismatch, argument, problem, Some(hint)));
        }
        match value.cast_to(&DataType::Interval(IntervalUnit::MonthDayNano)) {
            Ok(ScalarValue::IntervalMonthDayNano(Some(interval))) => Ok(Some(interval)),
            _ => {
                let problem = format!("is no interval: {value}");
                let hint = "write INTERVAL '5 minutes'";
                Err(self.refuse_with(Code::InvalidValue, argument, problem, Some(hint)))
            }
        }
    }

    /// A constant whole number.
    ///
    /// # Errors
    /// [`Code::DatatypeMismatch`] or [`Code::InvalidValue`].
    pub fn integer(&mut self, argument: &str) -> Result<Option<i64>> {
        let Some(value) = self.constant(argument)? else {
            return Ok(None);
        };
        let found = value.data_type();
        let text = matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if !text && !found.is_integer() {
            let problem = format!("must be a whole number, not {}", type_text(&found));
            return Err(self.refuse(Code::DatatypeMismatch, argument, problem));
        }
        match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(number))) => Ok(Some(number)),
            _ => {
                let problem = format!("is no whole number: {value}");
                Err(self.refuse(Code::InvalidValue, argument, problem))
            }
        }
    }

    /// A constant text.
    ///
    /// # Errors
    /// [`Code::DatatypeMismatch`].
    pub fn text(&mut self, argument: &str) -> Result<Option<String>> {
        let Some(value) = self.constant(argument)? else {
            return Ok(None);
        };
        match value.try_as_str() {
            Some(Some(text)) => Ok(Some(text.to_owned())),
            _ => {
                let problem = format!("must be a text, not {}", type_text(&value.data_type()));
                Err(self.refuse(Code::DatatypeMismatch, argument, problem))
            }
        }
    }

    /// A constant truth value.
    ///
    /// # Errors
    /// [`Code::DatatypeMismatch`].
    pub fn truth(&mut self, argument: &str) -> Result<Option<bool>> {
        let Some(value) = self.constant(argument)? else {
            return Ok(None);
        };
        match value {
            ScalarValue::Boolean(Some(truth)) => Ok(Some(truth)),
            other => {
                let problem = format!("must be true or false, not {}", type_text(&other.data_type()));
                Err(self.refuse(Code::DatatypeMismatch, argument, problem))
            }
        }
    }
}

impl Signature {
    /// As `SHOW FUNCTIONS` has it.
    pub fn documentation(&self) -> Documentation {
        let section = DocSection {
            include: true,
            label: "Relation Functions",
            description: None,
        };
        let text = format!("{} Source: {}.", self.sentence, self.source);
        let documented = Documentation::builder(section, text, self.syntax).with_sql_example(self.example);
        let parameters = self.parameters.iter();
        parameters
            .fold(documented, |documented, parameter| {
                documented.with_argument(parameter.name, parameter.meaning)
            })
            .build()
    }

    fn call_it(&self) -> String {
        format!("call it as {}", self.syntax)
    }
}

/// `DESCRIPTOR(ts)` is how Flink writes the column `ts`.
fn described(sql: SqlExpr) -> SqlExpr {
    let SqlExpr::Function(function) = &sql else {
        return sql;
    };
    if !function.name.to_string().eq_ignore_ascii_case("descriptor") {
        return sql;
    }
    let FunctionArguments::List(list) = &function.args else {
        return sql;
    };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(column))] => column.clone(),
        _ => sql,
    }
}

/// Where an argument stands. The parser gives some expressions no place of their own.
fn place_of(sql: &SqlExpr) -> sqlparser::tokenizer::Span {
    match sql {
        SqlExpr::Interval(interval) => interval.value.span(),
        SqlExpr::Value(value) if matches!(value.value, Value::Null) => value.span,
        other => other.span(),
    }
}

/// An error that carries its place to where the text is known.
pub(crate) fn at(error: Error, span: sqlparser::tokenizer::Span) -> DataFusionError {
    let diagnostic = Diagnostic::new_error(error.message().to_owned(), Span::try_from_sqlparser_span(span));
    DataFusionError::Diagnostic(Box::new(diagnostic), Box::new(error.into()))
}
