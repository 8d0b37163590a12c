"""What lasts: the log, its codec, the databases it lives in and the objects beside it."""
