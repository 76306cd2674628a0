"""The tests; a package, so that another distribution's stray `tests` cannot take its name."""
