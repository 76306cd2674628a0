"""What a model is made of: structure, parameter distributions, residual error."""
