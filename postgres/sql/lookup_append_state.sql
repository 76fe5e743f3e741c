-- Why appends to the streams $1 were refused: a row for the end of each stream that has events (fact 1), for each of the ids
-- $3 that the stream of the entry $2 holds (fact 2), and for each of the commands $5 that the stream of the entry $4 holds
-- (fact 3), with the place of the command's last event. By events_by_version, events_by_id and events_by_command, one seek
-- each; LATERAL, so that it stays so however the planner misjudges.
WITH entry AS MATERIALIZED (
    SELECT * FROM unnest($1::text[]) WITH ORDINALITY AS given (stream_id, entry)
)
SELECT last.generation, last.transaction_id, last.position, last.event_id, last.version, 1::smallint AS fact, entry.entry,
       last.event_id AS asked
  FROM entry
 CROSS JOIN LATERAL (
       SELECT * FROM events WHERE stream_id = entry.stream_id COLLATE "C" ORDER BY version DESC LIMIT 1) AS last
 UNION ALL
SELECT held.generation, held.transaction_id, held.position, held.event_id, held.version, 2::smallint, entry.entry,
       held.event_id
  FROM unnest($2::bigint[], $3::uuid[]) AS asked (entry, id)
  JOIN entry ON entry.entry = asked.entry
 CROSS JOIN LATERAL (
       SELECT * FROM events WHERE event_id = asked.id AND stream_id = entry.stream_id COLLATE "C" LIMIT 1) AS held
 UNION ALL
SELECT last.generation, last.transaction_id, last.position, last.event_id, last.version, 3::smallint, entry.entry,
       held.command_id
  FROM unnest($4::bigint[], $5::uuid[]) AS asked (entry, id)
  JOIN entry ON entry.entry = asked.entry
 CROSS JOIN LATERAL (
       SELECT * FROM events WHERE command_id = asked.id AND stream_id = entry.stream_id COLLATE "C" LIMIT 1) AS held
 CROSS JOIN LATERAL (
       SELECT * FROM events WHERE stream_id = entry.stream_id COLLATE "C"
                              AND version = held.version + coalesce(held.command_events, 1) - 1 LIMIT 1) AS last;
