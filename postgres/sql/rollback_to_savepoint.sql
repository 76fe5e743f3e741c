-- As if the append had not been asked for.
ROLLBACK TO SAVEPOINT event_store_append;
