"""A browser on a Dash page: the page, its scripts, and a callback."""

from tests.serving.requests import Request, Variable

CALLBACK = {
    "output": "..text.children...graph.figure..",
    "outputs": [
        {"id": "text", "property": "children"},
        {"id": "graph", "property": "figure"},
    ],
    "inputs": [{"id": "colour", "property": "value", "value": "green"}],
    "changedPropIds": ["colour.value"],
}

CONVERSATION = [
    Request(
        target="/",
        capture={
            "renderer": r'src="(/_dash-component-suites/dash/dash-renderer/[^"]+)"',
            "component": r'src="(/_dash-component-suites/dash/dcc/[^"]+)"',
        },
    ),
    Request(target="/any/page/%C3%A9"),
    Request(method="HEAD", target="/"),
    Request(target="${renderer}"),
    Request(target="${component}", headers=[("Accept-Encoding", "gzip")]),
    Request(target="/_dash-layout"),
    Request(target="/_dash-dependencies"),
    Request(method="POST", target="/_dash-update-component", json=CALLBACK),
    Request(target="/_favicon.ico"),
    Request(target="/_dash-component-suites/dash/nothing.js", status=500),
]

VARIABLES = [
    Variable(r'"end_id":"[^"]+"', "end_id", "Dash gives each page a random id"),
]
