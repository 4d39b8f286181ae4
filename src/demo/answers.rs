//! What is wrong with the sample, on purpose: the kinds of defects, table by table, and how many of
//! each were planted. Counted by the definitions while rows are written, never assumed from rates.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A raw table of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// What visitors did, as it arrived.
    Events,
    /// Who they are.
    Users,
    /// What is on sale.
    Items,
    /// What was ordered.
    Orders,
    /// What the sensors of the warehouse measured.
    Readings,
}

impl Table {
    /// All of them, in the order in which they are made.
    pub const ALL: [Self; 5] = [
        Self::Events,
        Self::Users,
        Self::Items,
        Self::Orders,
        Self::Readings,
    ];

    /// The table's name in its zone, which is its folder's name too.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Users => "users",
            Self::Items => "items",
            Self::Orders => "orders",
            Self::Readings => "readings",
        }
    }

    /// The table's name with its zone.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "raw.events",
            Self::Users => "raw.users",
            Self::Items => "raw.items",
            Self::Orders => "raw.orders",
            Self::Readings => "raw.readings",
        }
    }
}

/// Makes [`Defect`] from its table.
macro_rules! defects {
    ($($name:ident = $table:ident, $key:literal, $words:literal;)*) => {
        /// A kind of defect. A row may have several; each counts once a kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Defect {
            $(#[doc = concat!("`", $key, "`: ", $words, ".")] $name,)*
        }

        impl Defect {
            /// Every kind, table by table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The table in which it is found.
            pub fn table(self) -> Table {
                match self { $(Self::$name => Table::$table,)* }
            }

            /// Its name in `answers.json`.
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// What a person calls several of them.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

defects! {
    MissingUser = Events, "missing_user", "without a user";
    MissingTime = Events, "missing_time", "without a time";
    UnknownType = Events, "unknown_type", "of an unknown type";
    BadAmount = Events, "bad_amount", "with an amount that is no number";
    NegativeAmount = Events, "negative_amount", "with a negative amount";
    DuplicateEvent = Events, "duplicate_event", "sent again";
    OrphanUser = Events, "orphan_user", "of a user who does not exist";
    OrphanItem = Events, "orphan_item", "of an item that does not exist";
    FutureEvent = Events, "future_event", "from the future";
    LateEvent = Events, "late_event", "more than ten minutes late";
    BadEmail = Users, "bad_email", "with a broken e-mail address";
    BadAge = Users, "bad_age", "with an impossible age";
    DuplicateUser = Users, "duplicate_user", "listed again";
    MissingPrice = Items, "missing_price", "without a price";
    BlankTitle = Items, "blank_title", "with a blank title";
    OrphanOrderUser = Orders, "orphan_order_user", "of a user who does not exist";
    BadStatus = Orders, "bad_status", "with an unknown status";
    NegativeQuantity = Orders, "negative_quantity", "with a negative quantity";
    StaleOrder = Orders, "stale_order", "placed two weeks ago and still open";
    MissingValue = Readings, "missing_value", "without a value";
    Gap = Readings, "gap", "never taken";
    Spike = Readings, "spike", "far off the sensor's daily curve";
}

/// How many rows were written and how many defects are in them.
///
/// Serialized, it is `answers.json`: `{"raw.events": {"missing_user": 1234, …}, …}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    rows: [u64; Table::ALL.len()],
    defects: [u64; Defect::ALL.len()],
}

impl Answers {
    /// How many rows `table` has.
    pub fn rows(&self, table: Table) -> u64 {
        self.rows[table as usize]
    }

    /// How many defects of this kind there are.
    pub fn count(&self, defect: Defect) -> u64 {
        self.defects[defect as usize]
    }

    /// What was planted, in words: a line a table.
    pub fn summary(&self) -> Vec<String> {
        Table::ALL.iter().map(|table| self.line(*table)).collect()
    }

    fn line(&self, table: Table) -> String {
        let planted: Vec<String> = of_table(table)
            .filter(|defect| self.count(*defect) > 0)
            .map(|defect| format!("{} {}", grouped(self.count(defect)), defect.words()))
            .collect();
        let mut line = format!("{}: {} rows", table.name(), grouped(self.rows(table)));
        if !planted.is_empty() {
            line.push_str("; ");
            line.push_str(&planted.join(", "));
        }
        line
    }

    pub(super) fn add_row(&mut self, table: Table) {
        self.rows[table as usize] += 1;
    }

    pub(super) fn add(&mut self, defect: Defect) {
        self.defects[defect as usize] += 1;
    }

    pub(super) fn add_if(&mut self, defect: Defect, found: bool) {
        self.defects[defect as usize] += u64::from(found);
    }
}

fn of_table(table: Table) -> impl Iterator<Item = Defect> {
    Defect::ALL
        .iter()
        .copied()
        .filter(move |defect| defect.table() == table)
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tables = serializer.serialize_map(Some(Table::ALL.len()))?;
        for table in Table::ALL {
            tables.serialize_entry(table.name(), &OfTable(self, table))?;
        }
        tables.end()
    }
}

struct OfTable<'a>(&'a Answers, Table);

impl Serialize for OfTable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(of_table(self.1).map(|defect| (defect.key(), self.0.count(defect))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_what_was_planted_and_nothing_else() {
        let mut answers = Answers::default();
        for _ in 0..1234 {
            answers.add_row(Table::Readings);
        }
        answers.add(Defect::Gap);
        answers.add_if(Defect::Spike, false);
        assert_eq!(answers.summary()[4], "raw.readings: 1,234 rows; 1 never taken");
        assert_eq!(answers.summary()[0], "raw.events: 0 rows");
    }

    #[test]
    fn every_kind_stands_under_its_table() {
        let json = serde_json::to_value(Answers::default()).unwrap();
        assert_eq!(json["raw.events"].as_object().unwrap().len(), 10);
        assert_eq!(json["raw.users"]["duplicate_user"], 0);
        let kinds: usize = Table::ALL
            .iter()
            .map(|table| json[table.name()].as_object().unwrap().len())
            .sum();
        assert_eq!(kinds, Defect::ALL.len());
    }
}
