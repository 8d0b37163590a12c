"""What moves: everything between an append and the effect it leads to."""
