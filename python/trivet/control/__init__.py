"""The control socket: asking a running server how it is, and telling it what to do."""
