-- Deletes the snapshot of a stream, if it has one. By snapshots_pkey.
DELETE FROM snapshots
 WHERE stream_id = $1;
