-- Ends it: nothing was written.
ROLLBACK;
