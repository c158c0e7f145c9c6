"""A storm of random requests against the built server, and what must be left of it: nothing."""
