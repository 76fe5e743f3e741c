-- A schema for the store alone, where there is none yet. What stands in braces is its quoted name. By nothing: no table is read.
CREATE SCHEMA IF NOT EXISTS {schema};
