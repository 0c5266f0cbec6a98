"""The API without servers."""
