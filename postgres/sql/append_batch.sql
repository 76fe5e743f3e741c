-- Any number of appends, checked one after the other and written by one statement that commits itself: a row for each entry
-- $1..$4 that was accepted, with the place of its last event; for an entry without events, that of its stream's last event,
-- NULL if there is none. Entries of one stream see each other. $14 is true where all are written or none. If a trigger
-- dropped some of the rows, the statement fails and nothing is stored. By events_by_version, one seek a stream. Sorted by
-- stream, so that writers that meet take their locks in one order; unsorted, they deadlock. OFFSET 0 keeps the planner from
-- asking for the head again wherever it is mentioned.
WITH RECURSIVE entry AS MATERIALIZED (
    SELECT given.*, row_number() OVER (PARTITION BY stream_id ORDER BY entry) AS turn
      FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[])
           WITH ORDINALITY AS given (stream_id, kind, expected, events, entry)
), verdict AS (
    SELECT entry.entry, entry.stream_id, entry.turn, entry.events, head.version AS head, judged.accepted,
           head.version + CASE WHEN judged.accepted THEN entry.events ELSE 0 END AS next
      FROM entry
     CROSS JOIN LATERAL (
           SELECT coalesce((SELECT version FROM events WHERE stream_id = entry.stream_id COLLATE "C"
                             ORDER BY version DESC LIMIT 1), 0) AS version OFFSET 0) AS head
     CROSS JOIN LATERAL (
           SELECT CASE entry.kind WHEN 0 THEN true WHEN 1 THEN head.version = entry.expected
                                  ELSE head.version > 0 END AS accepted) AS judged
     WHERE entry.turn = 1
     UNION ALL
    SELECT entry.entry, entry.stream_id, entry.turn, entry.events, before.next, judged.accepted,
           before.next + CASE WHEN judged.accepted THEN entry.events ELSE 0 END
      FROM verdict AS before
      JOIN entry ON entry.stream_id = before.stream_id AND entry.turn = before.turn + 1
     CROSS JOIN LATERAL (
           SELECT CASE entry.kind WHEN 0 THEN true WHEN 1 THEN before.next = entry.expected
                                  ELSE before.next > 0 END AS accepted) AS judged
), total AS MATERIALIZED (
    SELECT NOT $14::boolean OR bool_and(accepted) AS is_written,
           coalesce(sum(events) FILTER (WHERE accepted), 0)::bigint AS events
      FROM verdict
), written AS (
    INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
    SELECT verdict.stream_id, verdict.head + event.n, event.id, event.type, event.encoding, event.data,
           event.metadata::jsonb, event.command_id, event.command_events
      FROM verdict
      JOIN unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::text[], $9::smallint[], $10::bytea[], $11::text[],
                  $12::uuid[], $13::integer[])
           AS event (entry, n, id, type, encoding, data, metadata, command_id, command_events)
        ON event.entry = verdict.entry
     WHERE verdict.accepted
       AND (SELECT is_written FROM total)
     ORDER BY verdict.stream_id COLLATE "C", verdict.head + event.n
    RETURNING stream_id, version, generation, transaction_id, position
), complete AS MATERIALIZED (
    SELECT CASE WHEN NOT total.is_written THEN false
                WHEN inserted.events = total.events THEN true
                ELSE event_store_incomplete(inserted.events, total.events) END AS is_written
      FROM total
     CROSS JOIN (SELECT count(*) AS events FROM written) AS inserted
)
SELECT coalesce(written.generation, checked.generation) AS generation,
       coalesce(written.transaction_id, checked.transaction_id) AS transaction_id,
       coalesce(written.position, checked.position) AS position,
       verdict.next AS version, verdict.entry, checked.event_id
  FROM complete
 CROSS JOIN verdict
  LEFT JOIN written ON written.stream_id = verdict.stream_id AND written.version = verdict.next AND verdict.events > 0
  LEFT JOIN LATERAL (
       SELECT generation, transaction_id, position, event_id FROM events
        WHERE stream_id = verdict.stream_id COLLATE "C" AND version = verdict.next AND verdict.events = 0 LIMIT 1) AS checked
    ON true
 WHERE complete.is_written
   AND verdict.accepted;
