-- A page of the log after position ?1 up to ?2. By the primary key, in its order: writers take turns, so that the order
-- of positions is the order of commits and nothing appears behind a reader.
SELECT position, stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events,
       recorded_at
  FROM events
 WHERE position > ?1
   AND position <= ?2
 ORDER BY position
 LIMIT ?3;
