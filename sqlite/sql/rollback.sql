-- Leaves no trace of a group that failed.
ROLLBACK;
