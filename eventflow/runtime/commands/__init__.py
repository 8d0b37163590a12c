"""Commands at work, one at a time for each lock: run, scheduled, watched, steered by operators."""
