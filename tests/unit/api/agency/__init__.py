"""The agency's API without servers."""
