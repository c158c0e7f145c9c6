"""A shop whose pages fail in every way that the error page must show."""

import logging
import os

from flask import Flask, jsonify, render_template, request, session
from prices import total_of

app = Flask(__name__)
app.config["SECRET_KEY"] = "never to be seen on a page"
app.config["DATABASE_URL"] = "postgres://shop:hunter2@db.internal/shop"
app.config["ITEMS_PER_PAGE"] = 20
app.debug = True
log = logging.getLogger("shop")

ORDERS = {
    7: {"customer": "Ada", "items": [("lamp", 3, 24.5), ("cable", 1, None)]},
    8: {"customer": "Grace", "items": [("desk", 1, 310.0)]},
}


@app.get("/")
def start():
    return render_template("start.html", orders=ORDERS)


@app.get("/orders/<int:number>")
def order(number):
    session["last_order"] = number
    session["csrf_token"] = "hidden"
    log.warning("looking for order %s", number)
    order = ORDERS[number]
    password = "hunter2"
    total = total_of(order["items"])
    return render_template("order.html", order=order, total=total, password=password)


@app.post("/orders")
def place_order():
    quantity = int(request.form["quantity"])
    return {"quantity": quantity}


@app.get("/chained")
def chained():
    try:
        return ORDERS[99]
    except KeyError as error:
        raise LookupError("There is no order 99: perhaps it was archived") from error


@app.get("/template")
def template():
    return render_template("broken.html", order=ORDERS[8])


@app.get("/missing-template")
def missing_template():
    return render_template("oder.html")


@app.get("/json")
def as_json():
    return jsonify(pid=os.getpid())


@app.get("/stream")
def stream():
    def lines():
        yield "first\n"
        raise RuntimeError("in the middle")

    return app.response_class(lines(), mimetype="text/plain")
