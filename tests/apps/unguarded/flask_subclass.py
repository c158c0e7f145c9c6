"""A subclass that adds to `run`, as some projects have it."""

from flask import Flask


class Shop(Flask):
    def run(self, *arguments, **keywords):
        super().run(*arguments, port=0, **keywords)  # ignored: app.run()


app = Shop(__name__)
app.run()
