"""The routes of CC-Agency's broker, for clients that know them, with additions."""
