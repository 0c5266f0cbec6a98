"""Taking over a CC-Agency database, with a real MongoDB."""
