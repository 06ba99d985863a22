"""HTTP/1.1 as far as the opening handshake needs it (RFC 9112), and URIs (RFC 6455, 3)."""
