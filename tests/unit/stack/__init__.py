"""The stack's own parts that need neither engine nor hub."""
