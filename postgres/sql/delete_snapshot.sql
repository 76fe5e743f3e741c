-- Deletes the snapshot of a stream, if it has one. By the primary key.
DELETE FROM snapshots
 WHERE stream_id = $1;
