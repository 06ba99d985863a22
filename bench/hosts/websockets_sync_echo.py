"""websockets in threads. `python websockets_sync_echo.py`"""

from websockets.sync.server import serve


def echo(websocket):
    for message in websocket:
        websocket.send(message)


with serve(echo, "127.0.0.1", 0) as server:
    print("listening on port", server.socket.getsockname()[1], flush=True)
    server.serve_forever()
