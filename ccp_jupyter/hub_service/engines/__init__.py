"""Container engines, one module per technology, behind one interface (`base.Engine`)."""
