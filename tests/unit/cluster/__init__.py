"""Several service processes: who drives, and how the others pass requests on."""
