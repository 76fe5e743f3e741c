-- The events of the streams $1 at the versions $2 to $3, with the number of the entry: to be compared with appends that seem
-- to be stored already. By events_by_version, one range an entry.
SELECT event.generation, event.transaction_id, event.position, event.event_id, event.stream_id, event.version,
       event.event_type, event.encoding, event.event_data, event.metadata, event.command_id, event.command_events,
       event.created_at, asked.entry
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS asked (stream_id, first, last, entry)
 CROSS JOIN LATERAL (
       SELECT * FROM events
        WHERE stream_id = asked.stream_id COLLATE "C" AND version BETWEEN asked.first AND asked.last
        ORDER BY version
       OFFSET 0) AS event;
