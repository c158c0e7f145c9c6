"""Settings of other servers: which of ours each is, or why none; and reading their files."""
