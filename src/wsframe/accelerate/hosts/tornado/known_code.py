"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py tornado` (see `accelerate.fingerprints`).
"""

CODE = """\
tornado.iostream
 future_set_result_unless_cancelled e4a13d12
tornado.iostream:IOStream
 __init__ cf00b5a9
 _add_io_state e72f36a8
 _check_closed ec7da0e9
 _consume 907dd43a 282aee9e 9a60b9a6
 _find_read_pos 24d8e9c4 9a7d4895
 _finish_read 0438cc1e c79a0b92 1f8d354f
 _handle_write bc191d9c 0fa73057 a1613223
 _maybe_add_error_listener 8f81576b
 _read_from_buffer f56d31b6 8b8c32be
 _read_to_buffer 0ac1d2c6 f9d6b669 7cc98cef
 _read_to_buffer_loop 4b5b3656
 _start_read 54193c5d
 _try_inline_read 77030c22
 closed 08cf3e2e
 fileno 51fa15ee
 read_bytes 98b68a76
 read_from_fd f56fad1d
 write eeb11758 e443fb64 f41b12f8
 write_to_fd 031490c7
tornado.iostream:_StreamBuffer
 __init__ e5b25941
 __len__ c3e4648f
 advance 9aa589d3 0c7f388f 33998496
 append 5e499669 2ac10eef
 peek d98d1300 30ca5d8c
tornado.websocket
 _websocket_mask 74a1fbbd
tornado.websocket:WebSocketProtocol13
 __init__ 7778cd93 67dd4ede e40caac1
 _read_bytes eee154be
 _receive_frame c4785f78 d4eda7e9
 _write_frame 4beed79f
 write_message 192e5d64 25ba1749
"""
