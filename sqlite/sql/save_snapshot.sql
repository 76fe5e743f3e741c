-- The highest version wins whatever the order of saves, and none is ahead of its stream; no change means declined.
-- One that is there and ahead of its stream (of a log restored from an older backup) gives way.
-- By events_by_version and the primary key of snapshots.
INSERT INTO snapshots (stream_id, version, state_data, schema, created_at)
SELECT ?1, ?2, ?3, ?4, ?5
 WHERE ?2 <= (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = ?1)
    ON CONFLICT (stream_id) DO UPDATE
   SET version = excluded.version, state_data = excluded.state_data, schema = excluded.schema,
       created_at = excluded.created_at
 WHERE excluded.version >= snapshots.version
    OR snapshots.version > (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = excluded.stream_id);
