//! What a part of a FROM consists of: its tables in order, and the columns that its joins merge.

use sqlparser::ast::{Expr, Ident};

use super::Kind;
use super::names::{column, first_of, same};

/// A table, or what stands for one.
pub(super) struct Factor {
    /// What its columns are named with; nothing if they cannot be.
    pub(super) name: Option<Vec<Ident>>,
    /// Columns that `*` shows elsewhere.
    pub(super) hidden: Vec<Ident>,
    /// Columns for which `*` shows others.
    pub(super) replaced: Vec<Merged>,
}

/// A column that joins merge.
#[derive(Clone)]
pub(super) struct Merged {
    pub(super) name: Ident,
    /// The columns of which it is the first that is not NULL; none if they cannot be named.
    pub(super) columns: Vec<Expr>,
    /// Which table shows it in `*`; nothing if several could.
    home: Option<usize>,
    /// Whether the planner would take another column for it.
    pub(super) is_mistaken: bool,
}

#[derive(Default)]
pub(super) struct Side {
    pub(super) factors: Vec<Factor>,
    merged: Vec<Merged>,
    /// Whether any join merges columns.
    pub(super) merges: bool,
    /// Whether a join is written as one ON a condition, and `*` would show both its columns.
    pub(super) is_on: bool,
    /// Whether it is not known which table's columns `*` must leave out.
    pub(super) is_unclear: bool,
    /// Whether `*` may show the wrong one of two columns that are not equal.
    pub(super) is_guessed: bool,
}

impl Merged {
    pub(super) fn is_known(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The column as an expression.
    pub(super) fn value(&self) -> Expr {
        first_of(&self.columns)
    }
}

impl Side {
    pub(super) fn of_one(name: Option<Vec<Ident>>) -> Self {
        let factor = Factor {
            name,
            hidden: Vec::new(),
            replaced: Vec::new(),
        };
        Self {
            factors: vec![factor],
            ..Self::default()
        }
    }

    /// The column `name` of this side.
    pub(super) fn of(&self, name: &Ident) -> Merged {
        if let Some(merged) = self.merged.iter().find(|merged| same(&merged.name, name)) {
            return merged.clone();
        }
        let only = match self.factors.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let table = only.and_then(|only| only.name.as_ref());
        Merged {
            name: name.clone(),
            columns: table.map(|table| column(table, name)).into_iter().collect(),
            home: only.map(|_| 0),
            is_mistaken: false,
        }
    }

    /// The merged columns that can be named.
    pub(super) fn known(&self) -> Vec<Merged> {
        let known = self.merged.iter().filter(|merged| merged.is_known());
        known.cloned().collect()
    }

    pub(super) fn is_mistaken(&self) -> bool {
        self.merged.iter().any(|merged| merged.is_mistaken)
    }

    /// Both sides' tables.
    pub(super) fn beside(mut self, mut right: Self) -> Self {
        let offset = self.factors.len();
        for merged in &mut right.merged {
            merged.home = merged.home.map(|home| home + offset);
        }
        self.factors.append(&mut right.factors);
        self.merged.append(&mut right.merged);
        self.merges |= right.merges;
        self.is_on |= right.is_on;
        self.is_unclear |= right.is_unclear;
        self.is_guessed |= right.is_guessed;
        self
    }

    /// The tables that a join of this kind lets be seen.
    pub(super) fn with(self, right: Self, kind: Kind) -> Self {
        match kind {
            Kind::LeftOnly => self,
            Kind::RightOnly => right,
            _ => self.beside(right),
        }
    }

    /// Merges columns of which nothing is known.
    pub(super) fn merge_unknown(&mut self, kind: Kind) {
        let is_one_side = matches!(kind, Kind::LeftOnly | Kind::RightOnly);
        self.merges |= !is_one_side;
        self.is_unclear |= !is_one_side;
        self.is_guessed |= kind == Kind::Left;
    }

    /// Merges a column of the left tables, of which there are `offset`, with one of the right tables.
    pub(super) fn merge(&mut self, left: Merged, right: Merged, kind: Kind, offset: usize) {
        self.merges = true;
        match right.home.and_then(|home| self.factors.get_mut(home + offset)) {
            Some(factor) => factor.hidden.push(right.name.clone()),
            None => self.is_unclear = true,
        }
        self.is_guessed |= kind == Kind::Left && !left.is_known();
        let is_mistaken = match kind {
            Kind::Right | Kind::Full => true,
            _ => left.is_mistaken || (!left.is_known() && right.is_mistaken),
        };
        let columns = match kind {
            Kind::Full => left.columns.into_iter().chain(right.columns).collect(),
            Kind::Right => right.columns,
            Kind::Inner if left.columns.is_empty() => right.columns,
            _ => left.columns,
        };
        let merged = Merged {
            name: left.name,
            columns,
            home: left.home,
            is_mistaken,
        };
        if matches!(kind, Kind::Right | Kind::Full) {
            let homes = match left.home {
                Some(home) => home..home + 1,
                // The one that has it shows it so; the others have nothing to replace.
                None => 0..offset,
            };
            for factor in self.factors.get_mut(homes).into_iter().flatten() {
                factor.replaced.retain(|other| !same(&other.name, &merged.name));
                factor.replaced.push(merged.clone());
            }
        }
        self.merged.retain(|other| !same(&other.name, &merged.name));
        self.merged.push(merged);
    }
}
