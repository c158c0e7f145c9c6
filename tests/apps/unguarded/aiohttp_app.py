"""aiohttp, which is neither WSGI nor ASGI."""

from aiohttp import web

app = web.Application()
web.run_app(app, port=0)  # ignored: web.run_app()
