"""The archive: bodies that left the database, as segments of streams, and the catalogue that says where each is.

A segment is a ZIP of stored members, one for each piece of a stream, and each member is a zstandard frame of JSON Lines
(``segment.py``), an event a line (``lines.py``) with its body as JSON (``bodies.py``). Whoever knows the offset and the
length of a member needs nothing else of the segment but the dictionary.
"""
