"""The words of the project as types: validation and state machines, without any I/O."""
