"""Which flow a subject gets: definitions, queries, the picker that chooses. Pure; knows pydantic and no database."""
