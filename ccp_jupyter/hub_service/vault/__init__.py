"""Secrets, in the memory of a small process of their own (`server`), used through `base.Vault`."""
