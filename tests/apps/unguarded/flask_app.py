"""Flask's own server, started when the module is imported."""

from flask import Flask

app = Flask(__name__)
app.run(port=0, debug=True)  # ignored: app.run()
