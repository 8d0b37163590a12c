"""What we say, tested without a store, a broker or a clock."""
