"""The OGC API beside pygeoapi, measured in one run."""
