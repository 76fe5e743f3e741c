-- The snapshot of a stream, and its parts in order; one row with part_data NULL if it has none. One statement, so the
-- parts are those of this snapshot. By the primary keys.
SELECT snapshots.version, snapshots.schema, snapshots.state_data, snapshots.part_count, parts.part_data
  FROM snapshots
  LEFT JOIN snapshot_parts AS parts
    ON parts.stream_id = snapshots.stream_id
   AND parts.save_id = snapshots.save_id
 WHERE snapshots.stream_id = ?1
 ORDER BY parts.part;
