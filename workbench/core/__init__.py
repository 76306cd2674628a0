"""Compiled code: plain arrays in, plain arrays out."""
