-- Wakes waiting readers, in a transaction of its own: within an append's, all appends would queue up behind one lock. Not
-- waited for on disk nor on standbys, since a lost wake-up loses nothing. $1 says who it was. By no index.
SELECT set_config('synchronous_commit', 'off', true),
       pg_notify('events_' || 'events'::regclass::oid, $1);
