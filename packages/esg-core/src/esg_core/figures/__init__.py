"""Figures for operators: what is counted, where workers keep it, and how the parent adds it up (rules M-1 to M-9)."""
