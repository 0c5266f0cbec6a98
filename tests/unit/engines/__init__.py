"""Engines, as far as no engine is needed."""
