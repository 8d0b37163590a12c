"""Flows in the log: definitions as streams, the subjects that go by them, what their transitions may call."""
