-- Single events for as many streams, each judged on its own and all written by one statement that commits itself: a row for
-- each entry, as append_one.sql answers, with the entry's number last. The common case of append_batch.sql in half its
-- time: no entry has to see another one. No stream may occur twice. By events_by_version, one seek a stream. Sorted by
-- stream, so that writers who meet take their locks in one order; unsorted, they deadlock.
WITH head AS MATERIALIZED (
    SELECT given.*, coalesce((SELECT version FROM events WHERE stream_id = given.stream_id COLLATE "C"
                               ORDER BY version DESC LIMIT 1), 0) AS version
      FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::uuid[], $5::text[], $6::smallint[], $7::bytea[], $8::text[],
                  $9::uuid[], $10::integer[])
           WITH ORDINALITY
           AS given (stream_id, kind, expected, id, type, encoding, data, metadata, command_id, command_events, entry)
), written AS (
    INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
    SELECT stream_id, version + 1, id, type, encoding, data, metadata::jsonb, command_id, command_events
      FROM head
     WHERE CASE kind WHEN 0 THEN true WHEN 1 THEN version = expected ELSE version > 0 END
     ORDER BY stream_id COLLATE "C"
    RETURNING stream_id, version, generation, transaction_id, position
)
SELECT written.version IS NOT NULL AS accepted, head.version AS head, written.version AS next, written.generation,
       written.transaction_id, written.position, head.entry
  FROM head
  LEFT JOIN written USING (stream_id);
