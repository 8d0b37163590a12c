"""Whole stories, told on every set of engines."""
