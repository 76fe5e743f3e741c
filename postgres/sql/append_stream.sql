-- Any number of events for one stream, checked and written by one statement that commits itself: a row that says where the
-- last one is stored, or none if the stream was not as expected; $2 and $3 are as in append_one.sql. If a trigger dropped
-- some of the rows, the statement fails and nothing is stored. The common case of append_batch.sql without its joins. By
-- events_by_version, one seek.
WITH head AS MATERIALIZED (
    SELECT coalesce((SELECT version FROM events
                      WHERE stream_id = $1 AND version >= CASE $2::smallint WHEN 1 THEN $3::bigint ELSE 1 END
                      ORDER BY version DESC LIMIT 1), 0) AS version
), written AS (
    INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
    SELECT $1, head.version + event.n, event.id, event.type, event.encoding, event.data, event.metadata::jsonb,
           event.command_id, event.command_events
      FROM head
     CROSS JOIN unnest($4::uuid[], $5::text[], $6::smallint[], $7::bytea[], $8::text[], $9::uuid[], $10::integer[])
           WITH ORDINALITY AS event (id, type, encoding, data, metadata, command_id, command_events, n)
     WHERE CASE $2::smallint WHEN 0 THEN true WHEN 1 THEN head.version = $3::bigint ELSE head.version > 0 END
     ORDER BY event.n
    RETURNING generation, transaction_id, position, version
)
SELECT last.*
  FROM (SELECT * FROM written ORDER BY version DESC LIMIT 1) AS last
 WHERE CASE WHEN (SELECT count(*) FROM written) = cardinality($4) THEN true
            ELSE event_store_incomplete((SELECT count(*) FROM written), cardinality($4)) END;
