-- The highest version wins whatever the order of saves, and none is ahead of its stream; no change means declined.
-- One that is there and ahead of its stream (of a log restored from an older backup) gives way.
-- By events_by_version and snapshots_pkey, one seek each.
INSERT INTO snapshots (stream_id, version, state_data, schema)
SELECT $1::text, $2::bigint, $3::bytea, $4::bigint
 WHERE $2 <= coalesce((SELECT version FROM events WHERE stream_id = $1 ORDER BY version DESC LIMIT 1), 0)
    ON CONFLICT (stream_id) DO UPDATE
   SET version = excluded.version, state_data = excluded.state_data, schema = excluded.schema,
       created_at = excluded.created_at
 WHERE excluded.version >= snapshots.version
    OR snapshots.version
       > coalesce((SELECT version FROM events WHERE stream_id = excluded.stream_id ORDER BY version DESC LIMIT 1), 0);
