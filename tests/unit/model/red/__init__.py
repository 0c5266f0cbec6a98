"""RED documents."""
