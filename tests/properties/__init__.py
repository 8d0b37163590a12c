"""What must hold always."""
