"""``eventflow process``: the runs of processes, found, looked at, started and seen to."""
