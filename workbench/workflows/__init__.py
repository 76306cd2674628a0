"""What needs more than one fit."""
