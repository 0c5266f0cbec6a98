"""Hub, engine and browser together."""
