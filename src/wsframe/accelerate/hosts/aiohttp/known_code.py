"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py aiohttp` (see `accelerate.fingerprints`).
"""

CODE = """\
aiohttp._websocket.writer:WebSocketWriter
 __init__ bbfc43b5 97600184 39d33276
 _get_compressor 2c2437d1
 _send_compressed_frame_sync b7fff875
 _write_websocket_frame afc77e3b 837af2ea
 send_frame e0a770f2 a38ad248 a0bcc47e 91e796b3
aiohttp.client_ws:ClientWebSocketResponse
 __anext__ d7a8a689 74dd5754
 __init__ 880b92ea a35ed4b5
 receive 523254eb 8a1eea7c
 send_bytes b50b6af2
 send_str 8ef2ff17
aiohttp.compression_utils:ZLibCompressor
 __init__ 0b101154 038e6aad 262c6663 130f44b9
 compress_sync d1d21efe
 flush b48d2259 34a3ed28
aiohttp.web_ws:WebSocketResponse
 __anext__ d7a8a689 74dd5754
 __init__ cb4a30f7 02edaf88 be8b47ad
 receive d55f02a9 844577e2
 send_bytes 30ca618b
 send_str d90a7012
"""
