"""What is said to each application: requests as data, one module per application."""
