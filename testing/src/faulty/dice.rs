//! Chance that is the same in every run.

/// Numbers that depend on nothing but the seed: splitmix64, which is small enough to be read and good enough for tests.
/// A dependency would bring an algorithm that its next version may change, and seeds would lose their meaning.
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of one call: from the seed, the kind of call and its number, so that what happens to the third append
    /// does not depend on how many reads came before it.
    pub(super) fn new(seed: u64, operation: u8, nth: u64) -> Self {
        let mut dice = Self(seed);
        for salt in [u64::from(operation), nth] {
            dice.0 = dice.next() ^ salt;
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not including, 1.
    pub(super) fn fraction(&mut self) -> f64 {
        let [a, b, c, d, ..] = self.next().to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / 4_294_967_296.0
    }

    /// True so often: never for 0, always for 1.
    pub(super) fn shows(&mut self, chance: f64) -> bool {
        self.fraction() < chance
    }

    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.next() % most.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_seed_throws_the_same_and_another_call_throws_its_own() {
        let throw = |seed, operation, nth| Dice::new(seed, operation, nth).next();
        assert_eq!(throw(7, 0, 1), throw(7, 0, 1));
        assert_eq!(throw(7, 0, 1), 17_770_702_679_626_417_888, "a seed keeps its meaning");
        let others = [throw(8, 0, 1), throw(7, 1, 1), throw(7, 0, 2), throw(7, 1, 0)];
        assert!(others.iter().all(|other| *other != throw(7, 0, 1)));
    }

    #[test]
    fn a_chance_comes_about_as_often_as_it_says() {
        let shown = |chance| (0..10_000).filter(|n| Dice::new(1, 0, *n).shows(chance)).count();
        assert_eq!((shown(0.0), shown(1.0)), (0, 10_000));
        assert!((2_800..3_200).contains(&shown(0.3)), "{}", shown(0.3));
    }
}
