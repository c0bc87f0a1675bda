"""A Flask application, which speaks WSGI and is served in threads.

First:        pip install Flask
Run it with:  esg examples.flask_wsgi:app --interface wsgi
Try it with:  curl http://127.0.0.1:8000/greet/Ada
"""

from flask import Flask

app = Flask(__name__)


@app.get("/greet/<name>")
def greet(name: str) -> dict[str, str]:
    return {"message": f"Hello, {name}!"}
