"""A Flask view that renders a Jinja template with a loop of twenty rows."""

from flask import Flask, render_template

app = Flask(__name__)
ROWS = [{"name": f"item {number}", "price": number * 3} for number in range(20)]


@app.get("/")
def shop() -> str:
    return render_template("shop.html", title="Shop & more", rows=ROWS)
