"""The interactive page: one state, panels that write it, views that observe it."""
