"""What must survive: Methods, Executions and Tasks, behind one interface (`base.Store`)."""
