"""Methods and Executions as files: what they look like, and how those of others are read."""
