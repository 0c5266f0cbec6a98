"""Packages that become Methods."""
