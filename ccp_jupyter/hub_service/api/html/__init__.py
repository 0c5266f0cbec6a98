"""The API for people: pages made from the same documents that programs get."""
