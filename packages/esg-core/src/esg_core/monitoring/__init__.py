"""What operators see of a server and have done: the sockets of the admin address, and what is behind them."""
