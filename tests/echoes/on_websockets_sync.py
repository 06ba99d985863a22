"""websockets in threads. `python on_websockets_sync.py`"""

from contextlib import suppress

from tally import MAX_MESSAGE, tally
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def echo(websocket):
    with tally.connection(), suppress(ConnectionClosed):
        for message in websocket:
            websocket.send(tally.reply(message))


with serve(echo, "127.0.0.1", 0, max_size=MAX_MESSAGE) as server:
    print("listening on port", server.socket.getsockname()[1], flush=True)
    server.serve_forever()
