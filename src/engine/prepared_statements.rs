//! A session's prepared statements: kept as parsed text under a name, run with arguments.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use parking_lot::Mutex;

use super::outcome::Done;
use super::session::Session;
use crate::definition::{arrow_type, type_text};
use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::{Parameters, Piece, Prepare};

/// The prepared statements of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct PreparedStatements(Arc<Mutex<BTreeMap<String, Arc<Prepare>>>>);

impl PreparedStatements {
    /// Keeps a statement.
    ///
    /// # Errors
    /// [`Code::DuplicatePrepared`].
    pub(super) fn add(&self, prepare: Prepare, piece: &Piece) -> Result<Done> {
        let mut all = self.0.lock();
        if all.contains_key(&prepare.name) {
            let message = format!("there is a prepared statement '{}' already", prepare.name);
            return Err(Error::new(Code::DuplicatePrepared, message)
                .with_hint(format!("DEALLOCATE {} removes it", prepare.name))
                .at(piece.locate(prepare.span)));
        }
        let done = Done::new(format!("prepared {}", prepare.name));
        all.insert(prepare.name.clone(), Arc::new(prepare));
        Ok(done)
    }

    /// Forgets one statement, or all.
    ///
    /// # Errors
    /// [`Code::UndefinedPrepared`].
    pub(super) fn remove(&self, name: Option<&str>) -> Result<Done> {
        let mut all = self.0.lock();
        match name {
            None => all.clear(),
            Some(name) => {
                if all.remove(name).is_none() {
                    return Err(missing(name, &all));
                }
            }
        }
        Ok(Done::new(format!(
            "removed {}",
            name.unwrap_or("all prepared statements")
        )))
    }

    /// The statement of that name.
    ///
    /// # Errors
    /// [`Code::UndefinedPrepared`].
    pub(super) fn get(&self, name: &str) -> Result<Arc<Prepare>> {
        let all = self.0.lock();
        all.get(name).cloned().ok_or_else(|| missing(name, &all))
    }
}

fn missing(name: &str, all: &BTreeMap<String, Arc<Prepare>>) -> Error {
    let names = all.keys().map(String::as_str);
    Error::new(
        Code::UndefinedPrepared,
        format!("there is no prepared statement '{name}'"),
    )
    .with_hint_if(did_you_mean(name, names))
}

/// The values of an EXECUTE's arguments, as the statement's declared types.
///
/// # Errors
/// Those of the arguments' own, [`Code::InvalidStatement`] if there are too many or too few of them,
/// [`Code::DatatypeMismatch`] if one cannot be of its type.
pub(super) async fn arguments(
    session: &Session,
    prepare: &Prepare,
    arguments: Option<&Piece>,
    parameters: &Parameters,
) -> Result<Parameters> {
    let values = match arguments {
        Some(arguments) => values(session, arguments, parameters).await?,
        None => Vec::new(),
    };
    let wanted = wanted(prepare);
    if values.len() != wanted {
        let message = format!(
            "prepared statement '{}' takes {wanted} arguments, and is given {}",
            prepare.name,
            values.len()
        );
        return Err(Error::new(Code::InvalidStatement, message));
    }
    let typed = values.into_iter().enumerate().map(|(at, value)| {
        let Some(declared) = prepare.types.get(at) else {
            return Ok(value);
        };
        let data_type = arrow_type(declared)?;
        value.cast_to(&data_type).map_err(|error| {
            let message = format!("argument {} is not of type {}", at + 1, type_text(&data_type));
            Error::new(Code::DatatypeMismatch, message).with_source(error)
        })
    });
    Ok(Parameters::positional(typed.collect::<Result<Vec<_>>>()?))
}

/// The highest number of a placeholder, or of the declared types if that is more.
fn wanted(prepare: &Prepare) -> usize {
    let names = crate::syntax::parameter_names(&prepare.piece);
    let numbers = names.iter().filter_map(|name| name.parse::<usize>().ok());
    numbers.max().unwrap_or(0).max(prepare.types.len())
}

async fn values(session: &Session, arguments: &Piece, parameters: &Parameters) -> Result<Vec<ScalarValue>> {
    let state = session.state();
    let plan = session.plan(&state, arguments, parameters).await?;
    let plan = session.physical(&state, arguments, &plan).await?;
    let rows: Vec<_> = session.stream(&state, arguments, plan)?.try_collect().await?;
    let row = rows.iter().find(|batch| batch.num_rows() == 1);
    let row = row.ok_or_else(|| Error::new(Code::Internal, "the arguments of EXECUTE gave no row"))?;
    let columns = row.columns().iter();
    let values = columns.map(|column| ScalarValue::try_from_array(column, 0));
    let values = values.collect::<Result<_, _>>();
    values.map_err(|error| session.translated(error, arguments))
}
