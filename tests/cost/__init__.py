"""What one request costs, in numbers that the machine's load cannot move; no times."""
