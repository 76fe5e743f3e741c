-- A consistent copy of the database in the file ?1, which must not exist. Holds a read transaction while it copies.
VACUUM INTO ?1;
