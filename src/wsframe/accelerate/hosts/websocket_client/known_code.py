"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py websocket_client` (see `accelerate.fingerprints`).
"""

CODE = """\
websocket._abnf
 _mask 887762bb ed4407e4 c1a08ad1
 validate_utf8 0cecb4f4
websocket._abnf:ABNF
 __init__ f6578684 033dde6a
 _get_masked 7914b42a
 create_frame 3b99a6ff
 format 45d0b564 3e8c29f9
 mask e650b503
 validate 9cb38745 a59477a7 c249e6f2 e97d7d98
websocket._abnf:continuous_frame
 __init__ 7e271d85
 add c9c1d53f
 extract 4402064f b26e9fe5 5f3d27ac
 is_fire 63d3f508
 validate afdb0604
websocket._abnf:frame_buffer
 __init__ 23e940bb
 clear fa156ff8 4c611edf
 has_mask 57271465 2ab58439
 has_received_header 3c9a39d3
 has_received_length b74964e5
 has_received_mask 3ec37b8e 7539e49d
 needs_header 2ece75ae
 needs_length 893f3ae9
 needs_mask b952d177
 recv_frame c97dcd27 a6707c8e 277006a2
 recv_header 59797257
 recv_length 9440e7b0 7bf014d5
 recv_mask 20832d16 23046cfc
 recv_strict cd28dea7 3046867a 67a6b490
websocket._core
 recv 89f6d5fe
 send 89f6d5fe
websocket._core:WebSocket
 __init__ bb126a6f 97de170b
 _recv 26ab1b79 2af843a7
 recv 6b866420 16a7383b
 recv_data 6af9d393
 recv_data_frame 025db328 3f2cb722 0c68b347 4e3cefe0
 recv_frame 068d721f
 send 6b59fe6e
 send_frame 42dedefd f003ec10 bb47a0d8
websocket._utils
 _validate_utf8 3ee1960f 37f5bd8a
"""
