"""What moves bodies between the database and the archive, and looks after both."""
