"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py wsproto` (see `accelerate.fingerprints`).
"""

CODE = """\
wsproto.connection:Connection
 __init__ a4351405
 events a4169f0c 52831798 cadca060
 send f1e94730 289db881 32926173
wsproto.frame_protocol:Buffer
 __init__ f5c9a34e
 __len__ c0e3d077
 commit a73f353b
 consume_at_most 177a1321
 consume_exactly 7791004e
 rollback 84d19bdb
wsproto.frame_protocol:FrameDecoder
 __init__ 63544008
 extension_processing 4f77ea49 605b093d
 parse_extended_payload_length d0ffcc0b 7490857e
 parse_header b60b6273 9c6ffe5a
 process_buffer bc1aaaff 1adca2c5
wsproto.frame_protocol:FrameProtocol
 __init__ a4db0ab2
 _make_fin_rsv_opcode 5fb77f02
 _parse_more_gen 6541c0e5
 _serialize_frame 0d832c52 04da69c1
 received_frames 9aecedc5
 send_data fc9d7d1b 6e4a96a4
wsproto.frame_protocol:MessageDecoder
 __init__ 33ddfcd3
 process_frame 5ac9cde9 58d7b5d3
wsproto.frame_protocol:Opcode
 iscontrol 33a38760
wsproto.frame_protocol:XorMaskerSimple
 __init__ e038400f
 process 2685818d 747db8c3
wsproto.utilities
 generate_accept_token 90041769
wsproto:WSConnection
 __init__ ea280985
 send b38b2b13
"""
