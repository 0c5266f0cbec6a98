"""What is measured beside pygeoapi, one group of rows a module."""
