"""What the documents say and the code must keep true."""
