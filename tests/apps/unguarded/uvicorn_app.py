"""uvicorn, by the name in the package and by the imported one."""

import uvicorn
from flask import Flask
from uvicorn import run

app = Flask(__name__)
uvicorn.run(app, port=0)  # ignored: uvicorn.run()
run(app, port=0)  # ignored: uvicorn.run()
