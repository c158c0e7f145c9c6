"""A Dash application with one callback; `server` is its Flask application."""

from dash import Dash, Input, Output, dcc, html

app = Dash(__name__)
server = app.server

app.layout = html.Div(
    [
        html.H1("A board"),
        dcc.Dropdown(["red", "green"], "red", id="colour"),
        dcc.Graph(id="graph"),
        html.P(id="text"),
    ]
)


@app.callback(Output("text", "children"), Output("graph", "figure"), Input("colour", "value"))
def show(colour):
    return f"{colour} was chosen", {
        "data": [{"x": [1, 2], "y": [3, 4], "marker": {"color": colour}}]
    }
