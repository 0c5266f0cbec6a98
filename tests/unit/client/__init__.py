"""The Python client, against a small server that behaves badly on purpose."""
