"""Running calls of the application: how they start without a task, where they stand, and when they end."""
