"""Speed budgets, measured: `make bench` prints the table."""
