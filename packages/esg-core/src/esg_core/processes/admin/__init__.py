"""The admin address of a parent: it answers for all of its workers."""
