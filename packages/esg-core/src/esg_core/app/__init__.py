"""The application: how it is imported, which interface it has, and its lifespan."""
