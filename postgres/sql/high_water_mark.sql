-- The readable end of the log, and whether more is stored beyond it (version 1), below an older transaction that still runs.
-- Then for each of the positions ($1, $2, $3) the id of the event there, NULL where there is none, and in place of the
-- version 1 if it may still come, since this is a standby that has not heard of it yet. By events_in_order, from its end:
-- one seek each.
WITH readable AS MATERIALIZED (
    SELECT generation, pg_snapshot_xmin(pg_current_snapshot()) AS transaction_id FROM event_log LIMIT 1
), last AS MATERIALIZED (
    SELECT generation, transaction_id, position, event_id
      FROM events
     WHERE (generation, transaction_id, position)
         < ((SELECT generation FROM readable), (SELECT transaction_id FROM readable), 0::bigint)
     ORDER BY generation DESC, transaction_id DESC, position DESC
     LIMIT 1
), beyond AS MATERIALIZED (
    SELECT 1
      FROM events
     WHERE (generation, transaction_id, position)
        >= ((SELECT generation FROM readable), (SELECT transaction_id FROM readable), 0::bigint)
     ORDER BY generation, transaction_id, position
     LIMIT 1
)
SELECT last.generation, last.transaction_id, last.position, last.event_id, EXISTS (SELECT FROM beyond) AS flag
  FROM readable
  LEFT JOIN last ON true
UNION ALL
SELECT asked.generation, asked.transaction_id, asked.position,
       (SELECT event_id FROM events
         WHERE generation = asked.generation AND transaction_id = asked.transaction_id AND position = asked.position),
       pg_is_in_recovery()
       AND (asked.generation, asked.transaction_id) >= (SELECT generation, transaction_id FROM readable)
  FROM unnest($1::smallint[], $2::xid8[], $3::bigint[]) AS asked (generation, transaction_id, position);
