"""What moves, part by part."""
