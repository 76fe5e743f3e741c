-- One event, judged and written by one statement that commits itself: always one row, with the verdict, the stream's head
-- that it was judged by, and where the event stands if it was written; if not, neither a transaction id nor a position
-- was drawn. $2 is 0 for any version, 1 for exactly $3, 2 for an existing stream. By events_by_version, one seek.
-- Materialized, so that verdict and answer speak of the same head.
WITH head AS MATERIALIZED (
    SELECT coalesce((SELECT version FROM events WHERE stream_id = $1 ORDER BY version DESC LIMIT 1), 0) AS version
), written AS (
    INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
    SELECT $1, head.version + 1, $4::uuid, $5::text, $6::smallint, $7::bytea, $8::text::jsonb, $9::uuid, $10::integer
      FROM head
     WHERE CASE $2::smallint WHEN 0 THEN true WHEN 1 THEN head.version = $3::bigint ELSE head.version > 0 END
    RETURNING version, generation, transaction_id, position
)
SELECT written.version IS NOT NULL AS accepted, head.version AS head, written.version AS next, written.generation,
       written.transaction_id, written.position, 1::bigint AS entry
  FROM head
  LEFT JOIN written ON true;
