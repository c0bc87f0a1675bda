"""What work costs as there is more of it: connections, pipelined requests, header fields, bytes, streams."""
