"""From what others deploy (OGC application packages, CWL tools) to Methods; no I/O."""
