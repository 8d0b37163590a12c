"""Workers that are killed, paused, stopped and cut off, as processes of their own: nothing is lost, nothing twice."""
