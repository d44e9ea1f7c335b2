"""Verified backups of the x_ray metadata database to S3."""
