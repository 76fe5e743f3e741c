//! What a scenario begins with.

use chrono::{DateTime, Utc};
use composable_rust_core::Aggregate;

use super::{Fixed, Scenario, stream::Stream};
use crate::History;

/// An environment, and how decisions are asked for; the history comes next. See [`Scenario::with`].
#[must_use = "a setting says nothing until it goes on: `.given(...)`"]
pub struct Setting<A: Aggregate> {
    fixed: Fixed,
    environment: A::Environment,
    asked_once: bool,
}

impl<A: Aggregate> Setting<A> {
    pub(super) fn new(environment: impl FnOnce(&Fixed) -> A::Environment) -> Self {
        let fixed = Fixed::default();
        Self {
            environment: environment(&fixed),
            fixed,
            asked_once: false,
        }
    }

    /// The time that the clock shows; by default [`FixedClock::START`](crate::FixedClock::START).
    pub fn at(self, now: DateTime<Utc>) -> Self {
        self.fixed.set(now);
        self
    }

    /// Asks each decision once. By default each is asked twice, as after a conflict, and has to answer the same; this is
    /// for an environment of a test whose answers count how often they were asked for.
    pub fn asked_once(self) -> Self {
        Self {
            asked_once: true,
            ..self
        }
    }

    /// These events have happened, and nothing else; `[]` for a stream without events.
    ///
    /// # Panics
    /// If one of them can't be stored, or not be read again.
    #[must_use = "a scenario says nothing until a command comes: `.when(...)`"]
    #[track_caller]
    pub fn given(self, events: impl IntoIterator<Item = A::Event>) -> Scenario<A> {
        let mut stream = Stream::new(self.fixed, self.environment, self.asked_once);
        stream.happened(events);
        Scenario { stream }
    }

    /// What this history tells has happened: events under old names, with metadata, of commands.
    ///
    /// # Panics
    /// If one of them can't be read as an event of the aggregate.
    #[must_use = "a scenario says nothing until a command comes: `.when(...)`"]
    #[track_caller]
    pub fn given_history(self, history: &History) -> Scenario<A> {
        let mut stream = Stream::new(self.fixed, self.environment, self.asked_once);
        stream.was_recorded(&history.recorded());
        Scenario { stream }
    }
}
