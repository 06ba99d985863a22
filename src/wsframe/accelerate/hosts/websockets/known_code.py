"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py websockets` (see `accelerate.fingerprints`).
"""

CODE = """\
websockets.asyncio.connection
 broadcast e5d5d8b0 306deaaa 48c8dc66 aa3ff1a7
websockets.asyncio.connection:Connection
 __init__ d222c880 cd3e8609 04537786 3ae2d223
 data_received 517e6459 b44a341f 2029849a b20fe7f3
 drain 6928d7d5
 process_event 42bb6d52 f7a8595b
 recv 3b7254f9 df573ee6 546fb185 b290d1f5
 send 314b3c48 3f13db87 a006701d 6ec3663d
 send_context 0493afce d185f4d6 d472af5c 517e1ee2
 send_data 828af93c fb022d36
websockets.asyncio.messages:Assembler
 __init__ ef93c3bf 7cc5cf43
 get 89d79540 fc7eecc1 c09c8909 f241499e
 maybe_pause 33001ec8 9f435aca
 maybe_resume cbf9ebad 8add9fdf
 put 7c2dec85
websockets.asyncio.messages:SimpleQueue
 __init__ bce22229
 __len__ 96990daf
 get 8bf3c99a 2c9b1d85
 put d2686082
websockets.extensions.permessage_deflate:PerMessageDeflate
 __init__ 0f0364ef 34131860
 decode 8301c37b c00c3590 2a2fa364 179920fa 52ff9ab4 f230c92a
 encode 33bc4722 952cf3e4 8841df8e b2c5febd
websockets.frames
 apply_mask a0079a09
websockets.frames:Frame
 check 438161ee 445534c0
 parse bc72c92e 295c33b4 db9138ad
 serialize 436a854c d1a9407c
websockets.legacy.framing
 apply_mask 613d4715
websockets.legacy.framing:Frame
 check 7352a1d8
 new_frame a217868d
 read 1e52bf10 eb7322fe
 write 4c3cca58
websockets.legacy.protocol
 Frame ff82edd4 3459cf5b
 broadcast 4906b140 f85915c5 959e3f8d a654e868 e9486c05 6f14389b
 prepare_data fb9d6292 86e233b2 3459cf5b
websockets.legacy.protocol:WebSocketCommonProtocol
 __init__ ac8e0aa3 1add6944 6c4b11b4 5cb3f6ca 422a1863 6dbcccb0 8c2e55cd
 _drain 44e3e340 b897dc6c
 _drain_helper a6fe23b4
 data_received c4ba2130
 drain a9a744eb bee972b2
 ensure_open 3631e3e8
 read_data_frame 5abf99df 0715b963 042a0381
 read_frame 073e2769
 read_message eedc1504 ef0b14bb 62878778 9b8effdf 63e47498
 recv c398cdc5 4d9785a8
 send e9a54e2b 13956e21 7f8e5417 a86bc410 22c31d68 5e24c961
 transfer_data b3e007be 717a04c3 df8f4d0f a3449e7c
 write_frame 94f2ff78
 write_frame_sync b3f9c599
websockets.protocol:Protocol
 __init__ 13104867 360d53a7
 close_expected b4808e2c 7005a49b
 data_to_send 9d799502
 parse a27b21a9 f77914f3 2557294c 0704074f
 receive_data 42641f64
 recv_frame 2f9e0387 6637a283 b709704c 6266442f
 send_binary 56d25cf9 0b806263 7ae6263a
 send_frame d6a64d12 3d597bc2
 send_text 7a75b4a1 e43402a2 1d2f291b
 state 5702192f
websockets.streams:StreamReader
 __init__ 9e58ef2b
 at_eof 6fd28a50
 feed_data 40d7cbd1
 read_exact 35e9aa92
websockets.sync.connection:Connection
 __init__ ecb98a79 9daf301c 7e54e92c f9f92e48 87bddd46 f7207834
 recv 1bf278ff 945ae591 af95e4b7 67f11d09 aa646d5f
 send 9b6357f0 afef23ae bae9fa9a a885e2e3 b999a5f6 a94c8dde
 send_context 76650421 63eb67ba 3283819f 2fc43ec1 c52f7163
 send_data 1f40b194
websockets.sync.messages:Assembler
 __init__ 0ae27e1a 9caf3ba9
 get 551eebd7 c59420f5 3be8c457 277e8c3d f647d417
 get_next_frame e5d89a7a
 maybe_resume 8ca5e103
 reset_queue afc6d5ec
websockets.sync.utils:Deadline
 __init__ 605b0db9
 timeout c42114a4
"""
