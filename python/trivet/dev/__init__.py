"""`trivet dev`: reload, error page, console, browser refresh. `trivet serve` imports none of it."""
