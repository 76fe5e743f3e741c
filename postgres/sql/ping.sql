-- A sign of life. By nothing: no table is read.
SELECT 1;
