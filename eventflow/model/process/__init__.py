"""Processes: several versioned steps, each of which is a checkpoint in the log."""
