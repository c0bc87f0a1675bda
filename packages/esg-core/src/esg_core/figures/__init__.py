"""Figures for operators: what is counted, where workers keep it, and how the parent adds it up."""
