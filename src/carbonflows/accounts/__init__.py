"""What a solved table says: one module per family of accounts."""
