"""Jupyter server extension: adds the user's token, relays, fetches, passes events on."""
