"""Other systems beside which this one is measured; each in a program of its own, run by an environment of its own."""
