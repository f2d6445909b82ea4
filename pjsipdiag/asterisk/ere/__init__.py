"""POSIX extended regular expressions as the C library reads them, in linear time."""
