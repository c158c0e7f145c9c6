"""One process that serves: its life from loading the app to leaving; starting it is not here."""
