"""What can be known about the user's project and this machine without importing the user's code."""
