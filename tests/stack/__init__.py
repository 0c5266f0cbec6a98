"""The development stack: engines, registries, hub and service on free loopback ports."""
