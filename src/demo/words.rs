//! The words of the sample: categories, titles, names, countries, and the ways in which people get
//! a field wrong. A broken value here is one that every reader calls broken.

/// A kind of goods.
pub(super) struct Category {
    pub(super) name: &'static str,
    /// The lowest and the highest price, in whole euros.
    pub(super) euros: (u64, u64),
    pub(super) nouns: [&'static str; 6],
}

const fn category(name: &'static str, euros: (u64, u64), nouns: [&'static str; 6]) -> Category {
    Category { name, euros, nouns }
}

// A table, a row a category.
#[rustfmt::skip]
pub(super) const CATEGORIES: [Category; 12] = [
    category("books", (5, 60), ["Atlas", "Novel", "Cookbook", "Biography", "Field Guide", "Anthology"]),
    category("music", (8, 90), ["Vinyl", "Songbook", "Metronome", "Tambourine", "Harmonica", "Ukulele"]),
    category("games", (10, 80), ["Board Game", "Puzzle", "Card Game", "Chess Set", "Dice Set", "Controller"]),
    category("electronics", (15, 900), ["Headphones", "Speaker", "Camera", "Tablet", "Keyboard", "Charger"]),
    category("home", (10, 400), ["Lamp", "Cushion", "Blanket", "Shelf", "Mirror", "Clock"]),
    category("kitchen", (5, 250), ["Kettle", "Pan", "Knife", "Toaster", "Grinder", "Teapot"]),
    category("garden", (4, 300), ["Spade", "Planter", "Hose", "Trellis", "Lantern", "Rake"]),
    category("sports", (8, 350), ["Racket", "Yoga Mat", "Dumbbell", "Helmet", "Backpack", "Tent"]),
    category("toys", (5, 120), ["Train", "Teddy", "Kite", "Building Set", "Doll", "Drum"]),
    category("fashion", (10, 220), ["Scarf", "Jacket", "Boots", "Belt", "Sweater", "Hat"]),
    category("beauty", (4, 110), ["Soap", "Hand Cream", "Perfume", "Brush Set", "Shampoo", "Lip Balm"]),
    category("grocery", (2, 40), ["Coffee", "Olive Oil", "Honey", "Chocolate", "Tea", "Pasta"]),
];

pub(super) const ADJECTIVES: [&str; 16] = [
    "Classic", "Compact", "Modern", "Vintage", "Nordic", "Royal", "Simple", "Bold", "Quiet", "Golden",
    "Alpine", "Coastal", "Urban", "Rustic", "Bright", "Deluxe",
];

pub(super) const MAKERS: [&str; 12] = [
    "Aldea",
    "Brenner",
    "Corvo",
    "Dunmore",
    "Eskil",
    "Fontaine",
    "Greta",
    "Hollis",
    "Ilmari",
    "Juno",
    "Kestrel",
    "Lindqvist",
];

pub(super) const FIRST_NAMES: [&str; 24] = [
    "anna", "ben", "carla", "david", "elena", "finn", "greta", "hugo", "ines", "jonas", "karin", "luca",
    "maria", "noah", "olga", "paul", "rosa", "samir", "tara", "ugo", "vera", "wim", "yara", "zoe",
];

pub(super) const LAST_NAMES: [&str; 20] = [
    "abel", "becker", "costa", "dubois", "eriksen", "ferrari", "garcia", "hansen", "ivanova", "jansen",
    "kowalski", "lopez", "moreau", "novak", "olsen", "peeters", "rossi", "schmidt", "tanaka", "weber",
];

pub(super) const MAIL_DOMAINS: [&str; 5] = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example.org",
];

/// Countries, each with how many of a hundred users live there. None of them reads as a missing
/// value.
pub(super) const COUNTRIES: [(&str, u64); 12] = [
    ("DE", 22),
    ("FR", 15),
    ("GB", 13),
    ("US", 11),
    ("IT", 9),
    ("ES", 8),
    ("PL", 6),
    ("NL", 5),
    ("SE", 4),
    ("AT", 3),
    ("PT", 2),
    ("JP", 2),
];

/// What an event can be, with how many of a hundred are.
pub(super) const EVENT_TYPES: [(&str, u64); 3] = [("view", 68), ("click", 23), ("purchase", 9)];
pub(super) const UNKNOWN_TYPES: [&str; 4] = ["hover", "scroll", "test", "impression"];
pub(super) const BAD_AMOUNTS: [&str; 6] = ["free", "12,50", "EUR 9.99", "$24.00", "unknown", "1 299.00"];

pub(super) const BAD_AGES: [&str; 5] = ["unknown", "-3", "150", "999", "forty"];

pub(super) const BAD_STATUSES: [&str; 4] = ["lost", "payed", "cancelled", "test"];
