-- Fact 2: which of the events' ids the stream holds already. By events_by_id, one seek an event.
-- Materialized, so that the JSON of an entry is parsed once and not for each of its events.
WITH asked AS MATERIALIZED (
    SELECT key, value ->> 'stream' AS stream, value -> 'events' AS events FROM json_each(?1)
)
SELECT 2 AS fact, asked.key AS entry, NULL AS version, NULL AS position, stored.event_id AS id, NULL AS events
  FROM asked
 CROSS JOIN json_each(asked.events) AS event
 CROSS JOIN events AS stored
    ON stored.stream_id = asked.stream
   AND stored.event_id = unhex(event.value);
