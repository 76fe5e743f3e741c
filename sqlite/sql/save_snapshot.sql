-- The highest version wins in whatever order snapshots are saved, and none is ahead of its stream; no change means
-- declined. A snapshot ahead of its stream (in a log restored from an older backup) is replaced.
-- By events_by_version and the primary key of snapshots.
INSERT INTO snapshots (stream_id, version, state_data, schema, created_at, part_count, save_id)
SELECT ?1, ?2, ?3, ?4, ?5, 0, NULL
 WHERE ?2 <= (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = ?1)
    ON CONFLICT (stream_id) DO UPDATE
   SET version = excluded.version, state_data = excluded.state_data, schema = excluded.schema,
       created_at = excluded.created_at, part_count = 0, save_id = NULL
 WHERE excluded.version >= snapshots.version
    OR snapshots.version > (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = excluded.stream_id);
