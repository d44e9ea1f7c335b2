"""The app in use: a year of uploads with their journal, its check and picture; the rights that the app has in AWS."""
