"""Moving from CC-Agency."""
