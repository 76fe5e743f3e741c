//! Choices that follow from a seed.

/// `SplitMix64`: the same numbers on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.number() % sides as u64).unwrap()
    }

    /// Whether something happens that happens so often in a hundred.
    pub(super) fn shows(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
