"""The only door to the compiled engine: everything else imports from here and not trivet._engine."""
