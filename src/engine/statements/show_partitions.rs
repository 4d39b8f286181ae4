//! `SHOW PARTITIONS t`: what `t$partitions` has.

use super::target::Target;
use crate::engine::outcome::{Body, Rows};
use crate::engine::session::Session;
use crate::engine::tables;
use crate::error::{Code, Error, Result};
use crate::syntax::TableName;

pub(super) async fn execute(session: &Session, name: &TableName) -> Result<Body> {
    let target = Target::new(session, name)?;
    let definition = target.definition(session)?;
    let (lake, config) = (session.lake(), session.config());
    match tables::metadata(lake, config, &target.zone, &definition, "partitions").await? {
        Some(batch) => Ok(Body::Rows(Rows::of_batch(batch))),
        None => {
            let message = format!("'{}' has no partitions", target.full_name());
            Err(Error::new(Code::WrongObjectType, message).with_hint("only tables have partitions"))
        }
    }
}
