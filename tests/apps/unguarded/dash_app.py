"""Dash, as its tutorial begins, without the `__main__` guard."""

from dash import Dash, html

app = Dash(__name__)
app.layout = html.Div("a board")
app.run(debug=True, port=0)  # ignored: app.run()
