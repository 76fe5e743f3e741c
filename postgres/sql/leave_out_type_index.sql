-- Tells the migrations of this transaction to leave out the index on event_type. By nothing: no table is read.
SELECT set_config('event_store.event_type_index', 'off', true);
