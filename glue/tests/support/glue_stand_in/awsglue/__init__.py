"""Stands in for Glue's own library, which runs inside Glue alone: only what the entry points call."""
