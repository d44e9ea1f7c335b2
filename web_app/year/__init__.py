"""A year of use: uploads that keep a journal, the check of the journal against database and archives, the picture."""
