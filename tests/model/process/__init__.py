"""Processes and their runs, without a database."""
