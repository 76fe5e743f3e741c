-- Where the events of the streams $1 at the versions $2 stand, in that order; all NULL where there is none. By
-- events_by_version, one seek each.
SELECT event.generation, event.transaction_id, event.position, event.event_id
  FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked (stream_id, version, entry)
  LEFT JOIN LATERAL (
       SELECT * FROM events
        WHERE stream_id = asked.stream_id COLLATE "C" AND version = asked.version LIMIT 1) AS event ON true
 ORDER BY asked.entry;
