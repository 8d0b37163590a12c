"""The log in SQLite: a file, or the memory of one process."""
