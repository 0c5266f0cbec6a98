"""Code that repeats a filled-in request or a past Execution, in several languages."""
