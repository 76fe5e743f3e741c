-- Makes the ?6 parts of save ?7 the snapshot of a stream, by the rules of save_snapshot.sql, and only if all of them are
-- there. By events_by_version and the primary keys.
INSERT INTO snapshots (stream_id, version, state_data, schema, created_at, part_count, save_id)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
 WHERE ?2 <= (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = ?1)
   AND ?6 = (SELECT count(*) FROM snapshot_parts WHERE stream_id = ?1 AND save_id = ?7)
    ON CONFLICT (stream_id) DO UPDATE
   SET version = excluded.version, state_data = excluded.state_data, schema = excluded.schema,
       created_at = excluded.created_at, part_count = excluded.part_count, save_id = excluded.save_id
 WHERE excluded.version >= snapshots.version
    OR snapshots.version > (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = excluded.stream_id);
