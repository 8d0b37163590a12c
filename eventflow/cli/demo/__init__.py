"""The main job end to end, on real files: ``eventflow demo``."""
