//! `raw.users`: who the visitors are, as gzipped CSV.
//!
//! Some users are listed a second time, with a later sign-up and sometimes another address: the last
//! one holds. No field is empty, so that none reads as NULL.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::answers::{Answers, Defect, Table};
use super::files::NewFile;
use super::progress::Report;
use super::random::{Dice, Every, hash};
use super::shop::{About, Shop};
use super::words::{BAD_AGES, FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS};
use crate::error::{Error, Result};

/// 2022-01-01 in days since 1970, and how many days later the last user signed up.
const FIRST_SIGN_UP: u64 = 18_993;
const SIGN_UP_DAYS: u64 = 1400;
/// How many users are written, and reported, at a time.
const BATCH: u64 = 8192;

/// Writes the table below `folder`.
pub(super) fn write(
    folder: &Path,
    shop: &Shop,
    dice: Dice,
    answers: &mut Answers,
    report: &mut Report<'_>,
) -> Result<()> {
    let path = folder.join("users.csv.gz");
    let mut list = List::new(shop, dice, answers);
    report.begin(Table::Users, shop.users);
    let mut file = GzEncoder::new(NewFile::create(path.clone())?, Compression::default());
    let mut lines = "user_id,email,country,age,signed_up\n".to_owned();
    for user in 1..=shop.users {
        list.next(user, &mut lines);
        if user % BATCH == 0 || user == shop.users {
            file.write_all(lines.as_bytes())
                .map_err(|error| Error::io(&path, "write", error))?;
            lines.clear();
            report.add((user - 1) % BATCH + 1);
        }
    }
    let file = file.finish().map_err(|error| Error::io(&path, "write", error))?;
    file.publish()
}

struct List<'a> {
    shop: &'a Shop,
    dice: Dice,
    answers: &'a mut Answers,
    bad_email: Every,
    bad_age: Every,
    again: Every,
    /// Of users who were listed again, the day on which they signed up last.
    last_sign_ups: HashMap<u64, u64>,
}

impl<'a> List<'a> {
    fn new(shop: &'a Shop, dice: Dice, answers: &'a mut Answers) -> Self {
        Self {
            shop,
            dice,
            answers,
            bad_email: Every::new(70),
            bad_age: Every::new(80),
            again: Every::new(90),
            last_sign_ups: HashMap::new(),
        }
    }

    /// The line of `user`, and now and then another of somebody listed before.
    fn next(&mut self, user: u64, lines: &mut String) {
        let signed_up = self.shop.fact(About::SignUp, user) % SIGN_UP_DAYS;
        self.line(user, signed_up, lines);
        if self.again.hit(&mut self.dice) {
            let earlier = 1 + self.dice.below(user);
            let first = self.shop.fact(About::SignUp, earlier) % SIGN_UP_DAYS;
            let last = self.last_sign_ups.get(&earlier).copied().unwrap_or(first);
            let later = last + 1 + self.dice.below(40);
            // No two sign-ups of a user fall on one day: one of them is the last.
            self.last_sign_ups.insert(earlier, later);
            self.line(earlier, later, lines);
            self.answers.add(Defect::DuplicateUser);
        }
    }

    fn line(&mut self, user: u64, signed_up: u64, lines: &mut String) {
        let email = self.email(user);
        let age = self.age(user);
        let country = self.shop.country(user);
        let signed_up = date(FIRST_SIGN_UP + signed_up);
        lines.push_str(&format!("{user},{email},{country},{age},{signed_up}\n"));
        self.answers.add_row(Table::Users);
    }

    fn email(&mut self, user: u64) -> String {
        let fact = self.shop.fact(About::Name, user);
        let part = |shift: u32, n: usize| ((fact >> shift) % n as u64) as usize;
        let first = FIRST_NAMES[part(0, FIRST_NAMES.len())];
        let last = LAST_NAMES[part(16, LAST_NAMES.len())];
        let domain = MAIL_DOMAINS[part(32, MAIL_DOMAINS.len())];
        if self.bad_email.hit(&mut self.dice) {
            self.answers.add(Defect::BadEmail);
            return match self.dice.below(4) {
                0 => format!("{first}{user}.{last}"),
                1 => format!("{first}.{last}{user}@"),
                2 => format!("{first}{user}@localhost"),
                _ => format!("{first}.{last}{user}.{domain}"),
            };
        }
        let email = format!("{first}.{last}{user}@{domain}");
        // Typed on a phone, or with the shift key held: right, but not what joins expect.
        match self.dice.below(30) {
            0 => email.to_uppercase(),
            1 => capitalized(&email),
            _ => email,
        }
    }

    fn age(&mut self, user: u64) -> String {
        if self.bad_age.hit(&mut self.dice) {
            self.answers.add(Defect::BadAge);
            return self.dice.pick(&BAD_AGES).to_owned();
        }
        let fact = self.shop.fact(About::Age, user);
        (16 + fact % 35 + hash(fact) % 35).to_string()
    }
}

fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

/// The date that is `days` after 1970-01-01, as ISO text.
fn date(days: u64) -> String {
    // Howard Hinnant's civil_from_days, for dates after 1970.
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year + era * 400, month + 3),
        _ => (year + era * 400 + 1, month - 9),
    };
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(FIRST_SIGN_UP), "2022-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(19_783), "2024-03-01");
        assert_eq!(date(20_453), "2025-12-31");
    }

    #[test]
    fn nobody_signs_up_after_the_sample_begins() {
        assert!(date(FIRST_SIGN_UP + SIGN_UP_DAYS + 40).as_str() < "2026-01-01");
    }
}
