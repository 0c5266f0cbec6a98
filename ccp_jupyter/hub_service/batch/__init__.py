"""What runs inside the container of a batch: `agent.py`, copied there as one file."""
