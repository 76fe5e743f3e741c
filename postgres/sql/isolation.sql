-- At which level the session's transaction runs.
SELECT current_setting('transaction_isolation');
