"""What was done with what, by whom: PROV and RO-Crate of an Execution."""
