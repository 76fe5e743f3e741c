-- As read_log.sql, but only categories in the JSON list ?4 and types in the JSON list ?5, where these are not NULL.
-- By the primary key: the window ?1 to ?2 bounds the work, however little matches.
SELECT position, stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events,
       recorded_at
  FROM events
 WHERE position > ?1
   AND position <= ?2
   AND (?4 IS NULL OR substr(stream_id, 1, instr(stream_id || '-', '-') - 1) IN (SELECT value FROM json_each(?4)))
   AND (?5 IS NULL OR event_type IN (SELECT value FROM json_each(?5)))
 ORDER BY position
 LIMIT ?3;
