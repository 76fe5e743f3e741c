-- Begins the transaction of an append that needs locks: at the level at which each statement sees what was committed
-- before it, whatever the database's default.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
