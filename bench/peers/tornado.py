from tornado.speedups import websocket_mask
from tornado.websocket import WebSocketProtocol13

DISTRIBUTION = "tornado"


def mask(data, key):
    return websocket_mask(key, data)


accept_key = WebSocketProtocol13.compute_accept_value
