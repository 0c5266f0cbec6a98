"""What is compared, one group of rows a module."""
