"""What the engines of HTTP/2 and HTTP/3 share: streams, uploads, responses and limits, but no frames."""
