-- A page of the log, without all that is not its data.
SELECT position, event_data FROM bare_log WHERE position > $1 ORDER BY position LIMIT 1000;
