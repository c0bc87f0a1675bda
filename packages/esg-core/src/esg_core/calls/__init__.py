"""Running calls of the application: where they stand, and when they end."""
