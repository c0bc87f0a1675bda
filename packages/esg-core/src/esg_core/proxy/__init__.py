"""What a proxy in front says about the client, and whether to trust it."""
