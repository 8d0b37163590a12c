"""Bodies that leave the database, and what becomes of them."""
