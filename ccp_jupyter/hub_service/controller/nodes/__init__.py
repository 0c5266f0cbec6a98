"""A Node as the controller works with it: contact, whose it is, health, room, checks."""
