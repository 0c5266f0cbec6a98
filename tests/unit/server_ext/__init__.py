"""The server extension in a real Jupyter server, against a service that misbehaves."""
