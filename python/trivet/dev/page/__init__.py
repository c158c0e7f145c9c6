"""How a report is shown: HTML, text, Markdown, JSON, and texts to copy. Computes, answers nobody."""
