//! `raw.items`: what is on sale, as JSON lines.

use std::io::Write;
use std::path::Path;

use super::answers::{Answers, Defect, Table};
use super::files::NewFile;
use super::progress::Report;
use super::random::{Dice, Every};
use super::shop::{About, Shop};
use super::words::{ADJECTIVES, CATEGORIES, MAKERS};
use crate::error::{Error, Result};

/// Writes the table below `folder`.
pub(super) fn write(
    folder: &Path,
    shop: &Shop,
    mut dice: Dice,
    answers: &mut Answers,
    report: &mut Report<'_>,
) -> Result<()> {
    let path = folder.join("items.jsonl");
    let (mut no_price, mut no_title) = (Every::new(40), Every::new(48));
    report.begin(Table::Items, shop.items);
    let mut file = NewFile::create(path.clone())?;
    for item in 1..=shop.items {
        let price = (!no_price.hit(&mut dice)).then(|| shop.price(item));
        let title = if no_title.hit(&mut dice) {
            String::new()
        } else {
            title(shop, item)
        };
        answers.add_row(Table::Items);
        answers.add_if(Defect::MissingPrice, price.is_none());
        answers.add_if(Defect::BlankTitle, title.is_empty());
        writeln!(
            file,
            "{}",
            line(item, &title, CATEGORIES[shop.category(item)].name, price)
        )
        .map_err(|error| Error::io(&path, "write", error))?;
    }
    report.add(shop.items);
    file.publish()
}

/// One object. No word of the sample needs escaping.
fn line(item: u64, title: &str, category: &str, cents: Option<i64>) -> String {
    let price = match cents {
        Some(cents) => format!("{}.{:02}", cents / 100, cents % 100),
        None => "null".to_owned(),
    };
    format!(r#"{{"item_id":{item},"title":"{title}","category":"{category}","price":{price}}}"#)
}

fn title(shop: &Shop, item: u64) -> String {
    let fact = shop.fact(About::Title, item);
    let part = |shift: u32, n: usize| ((fact >> shift) % n as u64) as usize;
    let nouns = &CATEGORIES[shop.category(item)].nouns;
    format!(
        "{} {} {}",
        MAKERS[part(0, MAKERS.len())],
        ADJECTIVES[part(16, ADJECTIVES.len())],
        nouns[part(32, nouns.len())],
    )
}
