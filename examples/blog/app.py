"""The application that servers look for; everything it does is in the package `blog`."""

from blog import create_app

app = create_app()
