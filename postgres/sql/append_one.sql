-- One event, checked and written by one statement that commits itself: a row that says where it is stored, or none if the
-- stream was not as expected. Then neither a transaction id nor a position was drawn, and lookup_append_state.sql says why.
-- $2 is 0 for any version, 1 for exactly $3, 2 for an existing stream. By events_by_version, one seek. With a lower bound
-- where there is one, since a seek looks at every entry of its page that matches: a twentieth of the statement's time, and a
-- fifth of that of append_one_per_stream.sql. OFFSET 0, so that the head is asked for once and not wherever it is mentioned.
INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
SELECT $1, head.version + 1, $4::uuid, $5::text, $6::smallint, $7::bytea, $8::text::jsonb, $9::uuid, $10::integer
  FROM (SELECT coalesce((SELECT version FROM events
                          WHERE stream_id = $1 AND version >= CASE $2::smallint WHEN 1 THEN $3::bigint ELSE 1 END
                          ORDER BY version DESC LIMIT 1), 0) AS version OFFSET 0) AS head
 WHERE CASE $2::smallint WHEN 0 THEN true WHEN 1 THEN head.version = $3::bigint ELSE head.version > 0 END
RETURNING generation, transaction_id, position, version;
