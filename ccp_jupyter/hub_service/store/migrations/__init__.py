"""Changes of the SQLite schema, in order, applied at start by `hub_service.store.schema`."""
