from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage
from wsproto.utilities import generate_accept_token

DISTRIBUTION = "wsproto"

server = Connection(ConnectionType.SERVER)
client = Connection(ConnectionType.CLIENT)


def decoder():
    connection = Connection(ConnectionType.SERVER)

    def feed(data):
        connection.receive_data(data)
        return [event.data for event in connection.events()]

    return feed


def encode_text(text):
    return server.send(TextMessage(text))


def encode_text_masked(text):
    return client.send(TextMessage(text))


def accept_key(key):
    return generate_accept_token(key.encode()).decode()
