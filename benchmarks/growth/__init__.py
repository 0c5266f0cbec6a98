"""How the rate of Tasks grows with the number of engines."""
