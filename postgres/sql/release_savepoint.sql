-- The append stands, if the transaction does.
RELEASE SAVEPOINT event_store_append;
