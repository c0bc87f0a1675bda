"""The application: how it is found, which interface it speaks, and its lifespan."""
