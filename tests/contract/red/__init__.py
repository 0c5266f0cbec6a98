"""Our reading of RED against the original's, which runs in an environment of its own."""
