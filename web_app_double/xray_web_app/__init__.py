"""What the web app does to bucket and database, statement by statement, for tests; the app itself lives elsewhere."""
