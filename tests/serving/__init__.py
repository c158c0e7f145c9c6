"""Start servers as real processes and speak to them; knows nothing of Trivet's code."""
