"""Settings: one table, and everything that is derived from it. Import from the modules inside."""
