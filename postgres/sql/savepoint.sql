-- What the caller's transaction goes back to when an append is refused.
SAVEPOINT event_store_append;
