//! The shop behind the sample: how many users and items it has, and what is fixed about each. All of
//! it is computed from a thing's id, so that nothing is kept in memory and every table agrees.

use super::random::{Dice, hash, scale, weighted};
use super::words::{CATEGORIES, COUNTRIES};

/// What a draw is about; separates the numbers that belong to one id.
#[derive(Clone, Copy)]
pub(super) enum About {
    Favourite = 1,
    SecondFavourite,
    Country,
    Name,
    Age,
    SignUp,
    Price,
    Title,
}

/// Larger than any number of things, and a prime: multiplying by it shuffles them.
const SHUFFLE: u64 = 2_654_435_761;

/// The users and items of one sample. Their ids count from 1.
pub(super) struct Shop {
    seed: u64,
    pub(super) users: u64,
    pub(super) items: u64,
}

impl Shop {
    pub(super) fn new(rows: u64, seed: u64) -> Self {
        Self {
            seed,
            users: (rows / 20).clamp(20, 2_000_000),
            items: (rows / 100).clamp(48, 20_000),
        }
    }

    /// The number that belongs to a thing in one respect.
    pub(super) fn fact(&self, about: About, id: u64) -> u64 {
        hash(hash(self.seed ^ hash(about as u64)) ^ id)
    }

    /// A user; some come far more often than others.
    pub(super) fn visitor(&self, dice: &mut Dice) -> u64 {
        let rank = dice.skewed(self.users);
        (rank * SHUFFLE) % self.users + 1
    }

    /// An item that `user` looks at: mostly of the two categories they like, and mostly one that
    /// everybody likes.
    pub(super) fn choice(&self, user: u64, dice: &mut Dice) -> u64 {
        let count = CATEGORIES.len() as u64;
        let category = match dice.weighted(&[60, 25, 15]) {
            0 => scale(self.fact(About::Favourite, user), count),
            1 => scale(self.fact(About::SecondFavourite, user), count),
            _ => dice.below(count),
        };
        let size = (self.items - category).div_ceil(count);
        let rank = dice.steep(size);
        category + count * ((rank * SHUFFLE + category) % size) + 1
    }

    /// The place of the item's category in the list of categories.
    pub(super) fn category(&self, item: u64) -> usize {
        ((item - 1) % CATEGORIES.len() as u64) as usize
    }

    /// The item's price in cents; cheap ones are more frequent.
    pub(super) fn price(&self, item: u64) -> i64 {
        let (low, high) = CATEGORIES[self.category(item)].euros;
        let r = self.fact(About::Price, item) >> 32;
        let euros = low + ((((r * r) >> 32) * (high - low)) >> 32);
        let cents = [99, 95, 49, 90][(r & 3) as usize];
        (euros * 100 + cents) as i64
    }

    /// The country in which the user lives.
    pub(super) fn country(&self, user: u64) -> &'static str {
        let weights = COUNTRIES.map(|(_, weight)| weight);
        COUNTRIES[weighted(self.fact(About::Country, user), &weights)].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_exist_and_lean_towards_the_favourite() {
        for rows in [0, 5_000, 1_000_000] {
            let shop = Shop::new(rows, 7);
            let mut dice = Dice::new(7, 0);
            let favourite = scale(shop.fact(About::Favourite, 3), CATEGORIES.len() as u64) as usize;
            let items: Vec<u64> = (0..1000).map(|_| shop.choice(3, &mut dice)).collect();
            assert!(items.iter().all(|item| (1..=shop.items).contains(item)));
            let liked = items
                .iter()
                .filter(|item| shop.category(**item) == favourite)
                .count();
            assert!(liked > 500, "{liked}");
            assert!((0..1000).all(|_| (1..=shop.users).contains(&shop.visitor(&mut dice))));
        }
    }

    #[test]
    fn everything_has_a_price() {
        let shop = Shop::new(1_000_000, 1);
        assert!((1..=shop.items).all(|item| (49..100_000).contains(&shop.price(item))));
    }
}
