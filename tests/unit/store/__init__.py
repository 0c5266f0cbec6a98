"""Parts of the store, without a database."""
