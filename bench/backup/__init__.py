"""Backup, purge and restore, measured beside what people use today."""
