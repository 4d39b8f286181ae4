//! Who may do what: a principal's roles in each zone, checked on every statement.
//!
//! What a statement writes is checked before anything of it is done; what it reads where its tables are
//! found. A view shows its rows to whoever may read the view. A statement that this module does not
//! know needs an administrator of the whole lake: what is new is refused until it is listed here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as Standard;

use super::limits::Limits;
use super::safe::is_query;
use super::session::Session;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::{AlterAction, CommentTarget, CreateTable, Statement, TableName, Vacuum};

/// What one may do in a zone; each role includes the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read its tables and views.
    Read,
    /// Change their rows, and make new ones.
    Write,
    /// Change, replace and drop them.
    Admin,
}

impl Role {
    /// The role in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::Read, Self::Write, Self::Admin];
        let found = all.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            let names = all.map(Self::as_str);
            let hint =
                did_you_mean(text, names).unwrap_or_else(|| "the roles are read, write, admin".to_owned());
            Error::new(Code::InvalidValue, format!("there is no role '{text}'")).with_hint(hint)
        })
    }
}

/// The roles of a user: in every zone, and in single ones. The higher of the two holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    everywhere: Option<Role>,
    zones: BTreeMap<String, Role>,
}

impl Roles {
    /// The same role in every zone.
    pub fn everywhere(role: Role) -> Self {
        Self {
            everywhere: Some(role),
            zones: BTreeMap::new(),
        }
    }

    /// Adds `[ZONE=]read|write|admin`.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if there is no such role.
    pub fn add(&mut self, text: &str) -> Result<()> {
        match text.split_once('=') {
            Some((zone, role)) => {
                let role: Role = role.parse()?;
                self.zones.insert(zone.to_lowercase(), role);
            }
            None => self.everywhere = Some(text.parse()?),
        }
        Ok(())
    }

    /// What is allowed in `zone`.
    pub fn in_zone(&self, zone: &str) -> Option<Role> {
        self.everywhere.max(self.zones.get(zone).copied())
    }

    /// Each as [`Roles::add`] reads it.
    pub fn texts(&self) -> Vec<String> {
        let everywhere = self.everywhere.iter().map(Role::to_string);
        let zones = self.zones.iter().map(|(zone, role)| format!("{zone}={role}"));
        everywhere.chain(zones).collect()
    }
}

/// For whom a session's statements are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub user: String,
    /// What the user may do.
    pub roles: Roles,
    /// Whether statements may name files, and places outside of the lake.
    pub may_name_files: bool,
}

impl Default for Principal {
    /// Whoever runs the program: an administrator of the lake who may name any file.
    fn default() -> Self {
        Self {
            user: "local".to_owned(),
            roles: Roles::everywhere(Role::Admin),
            may_name_files: true,
        }
    }
}

impl Principal {
    /// An administrator of the whole lake.
    pub fn is_admin(&self) -> bool {
        self.roles.everywhere == Some(Role::Admin)
    }

    /// Whether `zone` may be read.
    pub(super) fn may_read(&self, zone: &str) -> bool {
        self.roles.in_zone(zone).is_some()
    }

    /// # Errors
    /// [`Code::NoRight`] if the principal's role in `zone` is a lower one.
    pub(super) fn check(&self, zone: &str, needed: Role) -> Result<()> {
        if self.roles.in_zone(zone) >= Some(needed) {
            return Ok(());
        }
        let message = format!("user '{}' may not {} in zone '{zone}'", self.user, verb(needed));
        let hint = format!("it takes the role {zone}={needed}, which 'weir user' gives");
        Err(Error::new(Code::NoRight, message).with_hint(hint))
    }

    /// # Errors
    /// [`Code::NoRight`] if statements may not name files.
    pub(super) fn check_files(&self, what: &str) -> Result<()> {
        match self.may_name_files {
            true => Ok(()),
            false => Err(
                Error::new(Code::NoRight, format!("{what}: a served session names no files"))
                    .with_hint("read it through a table; 'weir serve --allow-files' allows it"),
            ),
        }
    }

    fn check_admin(&self, what: &str) -> Result<()> {
        match self.is_admin() {
            true => Ok(()),
            false => {
                let message = format!("user '{}' may not {what}", self.user);
                Err(Error::new(Code::NoRight, message).with_hint("it takes the role admin in every zone"))
            }
        }
    }
}

fn verb(role: Role) -> &'static str {
    match role {
        Role::Read => "read",
        Role::Write => "write",
        Role::Admin => "change tables",
    }
}

/// The principal of a session with these settings.
pub(super) fn principal(config: &SessionConfig) -> Arc<Principal> {
    config.get_extension().unwrap_or_default()
}

/// Checks a statement before anything of it is done.
///
/// # Errors
/// [`Code::NoRight`].
pub(super) fn check_statement(session: &Session, statement: &Statement) -> Result<()> {
    let principal = session.principal();
    if principal.is_admin() && principal.may_name_files {
        return Ok(());
    }
    let check = |name: &TableName, role| principal.check(&zone_of(session, name), role);
    match statement {
        Statement::Query(query) => match query.as_ref() {
            Standard::Explain(explain) if !explain.options.analyze => Ok(()),
            Standard::Explain(explain) if is_query(&explain.statement) => Ok(()),
            query if is_query(query) => Ok(()),
            _ => principal.check_admin("write by this statement"),
        },
        Statement::ShowTables { .. }
        | Statement::ShowFunctions { .. }
        | Statement::Use { .. }
        | Statement::Set { .. }
        | Statement::Show { .. }
        | Statement::Reset { .. }
        | Statement::Kill { .. }
        // What they read and write is checked where it is planned or executed.
        | Statement::DescribeQuery(_)
        | Statement::Prepare(_)
        | Statement::Execute { .. }
        | Statement::Deallocate { .. } => Ok(()),
        Statement::ShowCreate(name)
        | Statement::ShowPartitions(name)
        | Statement::Describe(name)
        | Statement::SuggestConstraints(name) => check(name, Role::Read),
        Statement::CheckTable(checked) => check(&checked.table, Role::Read),
        Statement::Insert(insert) => check(&insert.table, Role::Write),
        Statement::CopyInto(copy) => {
            principal.check_files(&format!("'{}'", copy.path))?;
            check(&copy.table, Role::Write)
        }
        Statement::ChangeRows(change) => check(&change.table, Role::Write),
        Statement::Optimize(optimize) => check(&optimize.table, Role::Write),
        Statement::DeleteFiles(delete) => check(&delete.table, Role::Write),
        Statement::Replay(replay) => check(&replay.table, Role::Write),
        Statement::Comment(comment) => match &comment.target {
            CommentTarget::Table(table) | CommentTarget::Column { table, .. } => check(table, Role::Write),
        },
        Statement::CreateTable(table) => {
            check(&table.name, made(table.or_replace))?;
            check_location(&principal, table)
        }
        Statement::CreateView(view) => check(&view.name, made(view.or_replace)),
        Statement::Drop(object) => check(&object.name, Role::Admin),
        Statement::Alter(alter) => {
            check(&alter.table, Role::Admin)?;
            match &alter.action {
                AlterAction::RenameTo(name) if name.zone.is_some() => check(name, Role::Admin),
                _ => Ok(()),
            }
        }
        Statement::Restore(restore) => check(&restore.table, Role::Admin),
        Statement::Vacuum(Vacuum {
            table: Some(table), ..
        }) => check(table, Role::Admin),
        Statement::DescribeFile { path, .. } => principal.check_files(&format!("'{path}'")),
        Statement::CopyTo(copy) => principal.check_files(&format!("'{}'", copy.path)),
        // What concerns the whole lake, and what is not listed here.
        _ => principal.check_admin("run this statement"),
    }
}

/// Checks the limits of a session's statements before they are changed: only an administrator loosens
/// those that the session began with.
///
/// # Errors
/// [`Code::NoRight`].
pub(super) fn check_limits(config: &SessionConfig, after: &ConfigOptions) -> Result<()> {
    let first: Option<Arc<FirstLimits>> = config.get_extension();
    let (Some(first), Some(after)) = (first, after.extensions.get::<Limits>()) else {
        return Ok(());
    };
    let principal = principal(config);
    let is_looser = |first: u128, after: u128| first > 0 && (after == 0 || after > first);
    let times = [
        (first.0.statement_timeout, after.statement_timeout),
        (first.0.idle_timeout, after.idle_timeout),
    ];
    let loosened = times
        .iter()
        .any(|(first, after)| is_looser(first.as_nanos(), after.as_nanos()))
        || is_looser(first.0.statement_memory.into(), after.statement_memory.into());
    match loosened && !principal.is_admin() {
        true => principal.check_admin("loosen the limits of statements"),
        false => Ok(()),
    }
}

/// The limits that a session began with.
#[derive(Debug)]
pub(super) struct FirstLimits(pub Limits);

/// What making something takes: to replace is to take away.
fn made(or_replace: bool) -> Role {
    match or_replace {
        true => Role::Admin,
        false => Role::Write,
    }
}

/// An external table's files lie in its zone.
fn check_location(principal: &Principal, table: &CreateTable) -> Result<()> {
    let Some(external) = &table.external else {
        return Ok(());
    };
    let location = external.location.as_str();
    let leaves =
        location.starts_with('/') || location.contains("://") || location.split('/').any(|p| p == "..");
    match leaves {
        true => principal.check_files(&format!("'{location}'")),
        false => Ok(()),
    }
}

fn zone_of(session: &Session, name: &TableName) -> String {
    name.zone
        .as_deref()
        .map_or_else(|| session.zone(), str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_of_two_roles_holds() {
        let mut roles = Roles::everywhere(Role::Read);
        roles.add("curated=admin").unwrap();
        assert_eq!(roles.in_zone("raw"), Some(Role::Read));
        assert_eq!(roles.in_zone("curated"), Some(Role::Admin));
        assert_eq!(roles.texts(), ["read", "curated=admin"]);
        assert_eq!(Roles::default().in_zone("raw"), None);
        assert_eq!(roles.add("raw=owner").unwrap_err().code(), Code::InvalidValue);
    }

    #[test]
    fn what_is_not_granted_is_refused() {
        let principal = Principal {
            user: "ann".to_owned(),
            roles: Roles::everywhere(Role::Read),
            may_name_files: false,
        };
        assert!(principal.check("raw", Role::Read).is_ok());
        let refused = principal.check("raw", Role::Write).unwrap_err();
        assert_eq!(refused.code(), Code::NoRight);
        assert_eq!(refused.message(), "user 'ann' may not write in zone 'raw'");
        assert!(principal.check_files("'x'").is_err());
    }
}
