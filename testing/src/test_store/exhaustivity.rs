//! How much of what happens a test has to assert.

/// How much of what happens a test has to assert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exhaustivity {
    /// Everything: each change of the state, each action received, the end of each effect.
    #[default]
    On,
    /// What it likes to: a closure says how some of the state is afterwards, actions before the one that is received
    /// are passed over, effects may run at the end.
    Off,
    /// As `Off`, and what was passed over is printed, and kept for [`TestStore::skipped`](super::TestStore::skipped).
    OffShowingSkipped,
}

impl Exhaustivity {
    pub(super) fn is_on(self) -> bool {
        self == Self::On
    }
}
