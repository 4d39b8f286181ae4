//! `*` over joins that merge columns: each table's own columns, merged ones where the first table has them.

use sqlparser::ast::{
    ExcludeSelectItem, Ident, ObjectName, ObjectNamePart, ReplaceSelectElement, ReplaceSelectItem, Select,
    SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::names::same;
use super::side::{Factor, Merged, Side};

/// Spells out the stars of a SELECT from `side`; otherwise says what of it is not known.
pub(super) fn spell_out(select: &mut Select, side: &Side) -> Result<(), &'static str> {
    if !side.merges {
        return Ok(());
    }
    let items = std::mem::take(&mut select.projection);
    for item in items {
        let SelectItem::Wildcard(mut options) = item else {
            select.projection.push(item);
            continue;
        };
        let tables = match is_plain(&options) && !side.is_unclear {
            true => side.factors.iter().map(of_table).collect::<Option<Vec<_>>>(),
            false => None,
        };
        if let Some(tables) = tables {
            select.projection.extend(tables);
            continue;
        }
        if side.is_on || side.is_guessed {
            return Err("a * over these joins, whose tables cannot be told apart,");
        }
        replace(&mut options, side.known());
        select.projection.push(SelectItem::Wildcard(options));
    }
    Ok(())
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none()
}

/// `t.* EXCLUDE (…) REPLACE (…)`.
fn of_table(factor: &Factor) -> Option<SelectItem> {
    let name = factor.name.as_ref()?;
    let mut options = WildcardAdditionalOptions::default();
    if !factor.hidden.is_empty() {
        let columns = factor
            .hidden
            .iter()
            .map(|column| part(std::slice::from_ref(column)));
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(columns.collect()));
    }
    let shown = factor.replaced.iter().filter(|merged| {
        let is_hidden = |hidden: &Ident| same(hidden, &merged.name);
        !factor.hidden.iter().any(is_hidden)
    });
    replace(&mut options, shown.cloned().collect());
    let table = SelectItemQualifiedWildcardKind::ObjectName(part(name));
    Some(SelectItem::QualifiedWildcard(table, options))
}

fn part(name: &[Ident]) -> ObjectName {
    ObjectName(name.iter().cloned().map(ObjectNamePart::Identifier).collect())
}

/// Adds `REPLACE (… AS column)` for columns that have none.
fn replace(options: &mut WildcardAdditionalOptions, merged: Vec<Merged>) {
    let own = options.opt_replace.take();
    let mut items = own.map(|own| own.items).unwrap_or_default();
    for column in merged {
        if items.iter().all(|item| !same(&item.column_name, &column.name)) {
            items.push(Box::new(ReplaceSelectElement {
                expr: column.value(),
                column_name: column.name,
                as_keyword: true,
            }));
        }
    }
    if !items.is_empty() {
        options.opt_replace = Some(ReplaceSelectItem { items });
    }
}
