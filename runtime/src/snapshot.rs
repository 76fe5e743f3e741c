//! Restores and encodes snapshots, for both shells. A snapshot that can't be used costs a replay, never a command.

use composable_rust_core::{Aggregate, AggregateSession, Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};
use tracing::{debug, warn};

use crate::panics::caught;

/// What a stream's snapshot can be used for.
pub(crate) enum Restored<A: Aggregate> {
    /// The state to load from, if the stream reaches it.
    Usable(AggregateSession<A>),
    /// Of another schema, damaged, or beyond its stream: replaced after a replay.
    Unusable,
    /// There is none.
    Absent,
}

/// Restores the state from the snapshot that the store has answered with.
pub(crate) fn restored<A: Aggregate>(
    stream_id: &StreamId,
    answer: Result<Option<&Snapshot>, &SnapshotError>,
) -> Restored<A> {
    let snapshot = match answer {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return Restored::Absent,
        Err(error) => {
            warn!(%stream_id, %error, "snapshot not loaded: replaying the whole stream");
            return Restored::Absent;
        }
    };
    // The state's own `Deserialize` may panic, too.
    if let Ok(Some(state)) = caught(|| A::SNAPSHOTS.restore(snapshot)) {
        return Restored::Usable(AggregateSession::restored(snapshot.version, state));
    }
    warn!(
        %stream_id,
        version = %snapshot.version,
        schema = snapshot.schema,
        "snapshot ignored: of another schema, or damaged"
    );
    Restored::Unusable
}

/// Whether a snapshot is due after the append that moved the session on from `before`.
pub(crate) fn is_due<A: Aggregate>(stream_id: &StreamId, before: Version, session: &AggregateSession<A>) -> bool {
    caught(|| A::SNAPSHOTS.is_due(session.state(), before, session.version())).unwrap_or_else(|panic| {
        warn!(%stream_id, %panic, "the snapshot policy panicked");
        false
    })
}

/// The snapshot of a state; `None` if the policy has none, or the state can't be encoded.
pub(crate) fn encoded<A: Aggregate>(stream_id: &StreamId, version: Version, state: &A::State) -> Option<Snapshot> {
    match caught(|| A::SNAPSHOTS.save(version, state)) {
        Ok(Some(Ok(snapshot))) => return Some(snapshot),
        Ok(None) => {}
        Ok(Some(Err(error))) => warn!(%stream_id, %version, %error, "snapshot not encoded"),
        Err(panic) => warn!(%stream_id, %version, %panic, "snapshot not encoded"),
    }
    None
}

/// Traces the outcome of a save.
pub(crate) fn trace_saved(stream_id: &StreamId, version: Version, outcome: &Result<SnapshotOutcome, SnapshotError>) {
    match outcome {
        Ok(outcome) => debug!(%stream_id, %version, ?outcome, "snapshot"),
        Err(error) => warn!(%stream_id, %version, %error, "snapshot not saved"),
    }
}
