-- Fact 2: which of the events' ids the stream holds already. By events_by_id, one seek an event.
SELECT 2 AS fact, asked.key AS entry, NULL AS version, NULL AS position, stored.event_id AS id, NULL AS events
  FROM json_each(?1) AS asked
 CROSS JOIN json_each(asked.value, '$.events') AS event
 CROSS JOIN events AS stored
    ON stored.stream_id = asked.value ->> 'stream'
   AND stored.event_id = unhex(event.value);
