//! The idle connections of a pool: which one to lend next, and which ones can't be relied on.

use std::time::{Duration, Instant};

use sqlx::PgConnection;

/// A connection that was idle for longer is asked whether it lives before it is lent.
const VALIDATE_AFTER: Duration = Duration::from_secs(10);

/// A connection that was idle for longer is closed.
const MAX_IDLE: Duration = Duration::from_mins(10);

/// Idle connections, the one that was used last at the end.
#[derive(Debug)]
pub(crate) struct IdleConnections<C = PgConnection> {
    connections: Vec<Idle<C>>,
    /// When a connection was last found dead. What has been idle since then may have died with it.
    suspect_until: Option<Instant>,
}

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    since: Instant,
}

/// An idle connection to lend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Candidate<C = PgConnection> {
    /// It was used a moment ago.
    Trusted(C),
    /// It has to answer before it is lent.
    Suspect(C),
}

impl<C> Default for IdleConnections<C> {
    fn default() -> Self {
        Self {
            connections: Vec::new(),
            suspect_until: None,
        }
    }
}

impl<C> IdleConnections<C> {
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Takes back a connection whose last statement has ended.
    pub(crate) fn put(&mut self, connection: C) {
        self.connections.push(Idle {
            connection,
            since: Instant::now(),
        });
    }

    /// The connection that was used last.
    pub(crate) fn take(&mut self) -> Option<Candidate<C>> {
        let is_trusted = self.is_last_trusted();
        let connection = self.connections.pop()?.connection;
        Some(if is_trusted {
            Candidate::Trusted(connection)
        } else {
            Candidate::Suspect(connection)
        })
    }

    /// The connection that was used last, if it can be lent as it is.
    pub(crate) fn take_trusted(&mut self) -> Option<C> {
        if !self.is_last_trusted() {
            return None;
        }
        self.connections.pop().map(|idle| idle.connection)
    }

    /// Those before it were idle for longer.
    fn is_last_trusted(&self) -> bool {
        self.connections.last().is_some_and(|idle| {
            let is_suspect = self.suspect_until.is_some_and(|until| idle.since <= until);
            !is_suspect && idle.since.elapsed() <= VALIDATE_AFTER
        })
    }

    /// Notes that a connection was found dead: all that are idle now have to answer before they are lent.
    pub(crate) fn suspect_all(&mut self) {
        self.suspect_until = Some(Instant::now());
    }

    /// Removes the connections that have been idle since before `moment`.
    #[must_use = "closed when they are dropped, which should not happen under a lock"]
    pub(crate) fn remove_older(&mut self, moment: Instant) -> Vec<C> {
        let old = self.connections.iter().take_while(|idle| idle.since <= moment).count();
        self.remove_first(old)
    }

    /// Removes the connections that no caller has needed for long.
    #[must_use = "closed when they are dropped, which should not happen under a lock"]
    pub(crate) fn remove_expired(&mut self) -> Vec<C> {
        let is_expired = |idle: &&Idle<C>| idle.since.elapsed() > MAX_IDLE;
        let expired = self.connections.iter().take_while(is_expired).count();
        self.remove_first(expired)
    }

    /// Removes the connection that was idle for longest: a new one is to take its place.
    #[must_use = "closed when it is dropped, which should not happen under a lock"]
    pub(crate) fn remove_oldest(&mut self) -> Option<C> {
        self.remove_first(self.len().min(1)).pop()
    }

    /// Removes all connections.
    #[must_use = "closed when they are dropped, which should not happen under a lock"]
    pub(crate) fn remove_all(&mut self) -> Vec<C> {
        self.remove_first(self.len())
    }

    fn remove_first(&mut self, count: usize) -> Vec<C> {
        self.connections.drain(..count).map(|idle| idle.connection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(connections: impl IntoIterator<Item = u8>) -> IdleConnections<u8> {
        let mut idle = IdleConnections::default();
        connections.into_iter().for_each(|connection| idle.put(connection));
        idle
    }

    #[test]
    fn the_connection_that_was_used_last_is_lent_first() {
        let mut idle = idle([1, 2]);
        assert_eq!(idle.take(), Some(Candidate::Trusted(2)));
        assert_eq!(idle.take(), Some(Candidate::Trusted(1)));
        assert_eq!(idle.take(), None);
    }

    #[test]
    fn what_was_idle_when_one_was_found_dead_is_suspect_and_what_comes_back_later_is_not() {
        let mut idle = idle([1, 2]);
        idle.suspect_all();
        let later = Instant::now();
        // The clock may stand still for a moment.
        while Instant::now() == later {}
        idle.put(3);
        assert_eq!(idle.take(), Some(Candidate::Trusted(3)));
        assert_eq!(idle.take(), Some(Candidate::Suspect(2)));
        assert_eq!(idle.remove_older(later), [1]);
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut idle = idle([1, 2, 3]);
        assert_eq!(idle.remove_oldest(), Some(1));
        assert_eq!(idle.remove_expired(), [0; 0]);
        assert_eq!(idle.remove_all(), [2, 3]);
        assert_eq!(idle.remove_oldest(), None);
    }
}
