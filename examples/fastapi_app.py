"""A FastAPI application: typed parameters, a JSON body, documentation at /docs.

First:        pip install fastapi
Run it with:  esg examples.fastapi_app:app
Try it with:  curl http://127.0.0.1:8000/items/1
              curl http://127.0.0.1:8000/items --json '{"name": "tea", "price": 2.5}'
"""

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, PositiveFloat


class Item(BaseModel):
    """Something to sell."""

    name: str
    price: PositiveFloat


app = FastAPI(title="A small shop")
shelf = {1: Item(name="coffee", price=3.0)}


@app.get("/items/{number}")
async def read_item(number: int) -> Item:
    if number not in shelf:
        raise HTTPException(404, "no such item")
    return shelf[number]


@app.post("/items", status_code=201)
async def add_item(item: Item) -> dict[str, int]:
    number = max(shelf) + 1
    shelf[number] = item
    return {"number": number}
