-- The one moment at which appended events become true; with synchronous=FULL they are on the disk by then.
COMMIT;
