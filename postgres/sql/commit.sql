-- Ends it: from here on it is written.
COMMIT;
