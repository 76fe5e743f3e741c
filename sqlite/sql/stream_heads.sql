-- Fact 1: the last event of each stream that exists. ?1 is a JSON list of {stream, events, commands}.
-- By events_by_version, one seek a stream, without a look at the rows.
SELECT 1 AS fact, asked.key AS entry, head.version, head.position, NULL AS id, NULL AS events
  FROM (SELECT key, value ->> 'stream' AS stream FROM json_each(?1)) AS asked
 CROSS JOIN events AS head
    ON head.stream_id = asked.stream
   AND head.version = (SELECT max(version) FROM events WHERE stream_id = asked.stream);
