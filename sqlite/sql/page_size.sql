-- The size of a page, which an existing file brings with it.
PRAGMA page_size;
