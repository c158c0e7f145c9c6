"""The process that binds the sockets and keeps the workers running; it never imports the app."""
