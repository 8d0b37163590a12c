"""What moves runs: from step to step in a worker, and by what people want of them."""
