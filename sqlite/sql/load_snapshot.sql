-- The snapshot of a stream. By the primary key.
SELECT version, schema, state_data
  FROM snapshots
 WHERE stream_id = ?1;
