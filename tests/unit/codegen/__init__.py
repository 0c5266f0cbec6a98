"""Code in several languages."""
