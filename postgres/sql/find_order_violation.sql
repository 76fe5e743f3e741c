-- Of the streams $1 with events just written at $2: one whose event before that one is later in the log's order than it.
-- By events_by_version, two seeks a stream.
SELECT written.stream_id
  FROM unnest($1::text[], $2::bigint[]) AS written (stream_id, version)
 CROSS JOIN LATERAL (
       SELECT generation, transaction_id FROM events
        WHERE stream_id = written.stream_id COLLATE "C" AND version = written.version LIMIT 1) AS own
 CROSS JOIN LATERAL (
       SELECT generation, transaction_id FROM events
        WHERE stream_id = written.stream_id COLLATE "C" AND version = written.version - 1 LIMIT 1) AS before
 WHERE (before.generation, before.transaction_id) > (own.generation, own.transaction_id)
 LIMIT 1;
