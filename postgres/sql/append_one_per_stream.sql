-- Single events for as many streams, each checked on its own and all written by one statement that commits itself: a row for
-- each that was written, as append_one.sql answers, with its stream last; none for those whose stream was not as expected.
-- No stream may occur twice. By events_by_version, one seek a stream, as in append_one.sql. Sorted by stream, so that
-- writers that meet take their locks in one order; unsorted, they deadlock.
INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
SELECT stream_id, version + 1, id, type, encoding, data, metadata::jsonb, command_id, command_events
  FROM (SELECT given.*,
               coalesce((SELECT version FROM events
                          WHERE stream_id = given.stream_id COLLATE "C"
                            AND version >= CASE given.kind WHEN 1 THEN given.expected ELSE 1 END
                          ORDER BY version DESC LIMIT 1), 0) AS version
          FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::uuid[], $5::text[], $6::smallint[], $7::bytea[],
                      $8::text[], $9::uuid[], $10::integer[])
               AS given (stream_id, kind, expected, id, type, encoding, data, metadata, command_id, command_events)
        OFFSET 0) AS head
 WHERE CASE kind WHEN 0 THEN true WHEN 1 THEN version = expected ELSE version > 0 END
 ORDER BY stream_id COLLATE "C"
RETURNING generation, transaction_id, position, version, stream_id;
