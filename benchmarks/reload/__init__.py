"""Development servers compared: from a save to the first answer with new code, and what failed."""
