"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py hypercorn` (see `accelerate.fingerprints`).
"""

CODE = """\
hypercorn.asyncio.task_group
 asyncio 8058853a
hypercorn.asyncio.tcp_server
 asyncio 8058853a
hypercorn.asyncio.tcp_server:TCPServer
 __init__ 574ff650 cc07bba7
 protocol_send e373d039 8dd09a5d 873cac89
hypercorn.protocol.h11:H11Protocol
 __init__ fa7cc7a6 51ebca3c 0882b2d2
 stream_send 194365a2 3ba9f0f5
hypercorn.protocol.ws_stream:WSStream
 __init__ c22ece21
 _accept 11fe799f
 _handle_events 4ba92001
 _send_wsproto_event d9600e97 855655c8
 app_send 438c8f7e
hypercorn.protocol.ws_stream:WebsocketBuffer
 __init__ 1f48915d
 clear 62c5cf92
 extend eae1dd0a
 to_message 2d9dcfef
"""
