"""Published vulnerabilities of other servers, and what shows that they do not apply here."""
