"""The web app's use of bucket and database, statement by statement, for tests; the app itself lives elsewhere."""
