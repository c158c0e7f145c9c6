"""Importing the user's application and judging what came out; serving it is for the engine."""
