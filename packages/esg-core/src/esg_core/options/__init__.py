"""What a server can be told: each option declared once, read from anywhere, checked before use."""
