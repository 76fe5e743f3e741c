-- The snapshot of a stream. By snapshots_pkey.
SELECT version, schema, state_data
  FROM snapshots
 WHERE stream_id = $1;
