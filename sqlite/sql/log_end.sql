-- Fact 0: the last position of the log, 0 when it is empty. By the primary key, one seek.
SELECT 0 AS fact, NULL AS entry, NULL AS version, coalesce(max(position), 0) AS position, NULL AS id, NULL AS events
  FROM events;
