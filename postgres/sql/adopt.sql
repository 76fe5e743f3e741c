-- Lets a log that another cluster has written go on here, in a new generation; nothing where it is this cluster's already.
-- By events_in_order, one seek.
SELECT event_store_adopt();
