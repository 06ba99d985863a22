"""websocket-client. `python with_websocket_client.py URL CONNECTIONS`

Every thread connects again and again, until it is refused; the first one to URL/tally, for ever.
"""

import sys
import threading
from contextlib import suppress

from tally import tally
from websocket import ABNF, WebSocketBadStatusException, WebSocketException, create_connection


def echo(ws):
    with tally.connection(), suppress(WebSocketException, OSError, UnicodeDecodeError):
        while True:
            opcode, data = ws.recv_data()
            if opcode == ABNF.OPCODE_CLOSE:
                break
            if opcode == ABNF.OPCODE_TEXT:
                ws.send(tally.reply(data.decode()))
            else:
                ws.send_binary(tally.reply(data))
    ws.shutdown()


def echo_until_refused(url):
    with suppress(WebSocketBadStatusException):
        while True:
            echo(create_connection(url))


if __name__ == "__main__":
    url, connections = sys.argv[1:]
    for _ in range(int(connections)):
        threading.Thread(target=echo_until_refused, args=[url], daemon=True).start()
    echo_until_refused(f"{url}/tally")
