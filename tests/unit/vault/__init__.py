"""The vault: its process and its client, always the real ones."""
