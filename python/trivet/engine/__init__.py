"""The only door to the compiled engine: everything else imports from here, not trivet._engine."""
