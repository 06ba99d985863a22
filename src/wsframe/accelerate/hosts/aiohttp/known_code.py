"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py aiohttp` (see `accelerate.fingerprints`).
"""

CODE = """\
aiohttp._websocket.writer:WebSocketWriter
 __init__ bbfc43b5 97600184 39d33276
 _get_compressor 2c2437d1
 _make_compress_obj 7a523754 99b60607
 _send_compressed_frame_sync b7fff875
 _write_websocket_frame afc77e3b 837af2ea
 send_frame e0a770f2 a38ad248 a0bcc47e 91e796b3
aiohttp.client_ws:ClientWebSocketResponse
 __anext__ d7a8a689 74dd5754
 __init__ e36c9a10 ea9742d3 fa0cd810 880b92ea a35ed4b5
 receive c805a500 61bfb52d ebdc2056 523254eb 8a1eea7c
 send_bytes 54aba5fe b50b6af2
 send_str 5694d962 8ef2ff17
aiohttp.compression_utils:ZLibBackendWrapper
 Z_FULL_FLUSH f5c482c4
 Z_SYNC_FLUSH 2b2233ea
 __init__ 8cf0c7ee
aiohttp.compression_utils:ZLibCompressor
 __init__ f516b2bc 0b101154 038e6aad 262c6663 130f44b9
 compress f85d56fd 81143c4a bb6a39f8
 compress_sync d1d21efe
 flush b48d2259 34a3ed28
aiohttp.http_websocket:WebSocketWriter
 __init__ dad6ddd6 bbfc43b5
 _make_compress_obj 7a523754
 _send_frame 71aea0b4 c2982952 20b81927 e3e25f4e
 _write 09fdd83f
 send 0bfbd49b
aiohttp.web_ws:WebSocketResponse
 __anext__ d7a8a689 74dd5754
 __init__ f54169c3 64698daa aca4a2d2 cb4a30f7 02edaf88 be8b47ad
 receive 3516b829 d3e2a7bc 1d0582c7 2e984c7f d55f02a9 844577e2
 send_bytes 5c1c3ff0 30ca618b
 send_str ff4df928 d90a7012
"""
