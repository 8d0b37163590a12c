"""What we say: events, aggregates, reactions and the words for them. Pure; knows pydantic and nothing else."""
