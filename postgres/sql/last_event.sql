-- The last event of the log that is stored, readable yet or not. By events_in_order, from its end: one seek.
SELECT generation, transaction_id, position, event_id
  FROM events
 ORDER BY generation DESC, transaction_id DESC, position DESC
 LIMIT 1;
