"""What was taken over from a CC-Agency, seen through a running service."""
