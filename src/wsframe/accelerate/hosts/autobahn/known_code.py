"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py autobahn` (see `accelerate.fingerprints`).
"""

CODE = """\
autobahn.asyncio.websocket
 yields 260e8c2d
autobahn.asyncio.websocket:WebSocketAdapterProtocol
 _onMessageBegin 41ef49e6
 _onMessageEnd 1723410e
 _onMessageFrame ea92caf4
 _onMessageFrameBegin d9ef2f5b
 _onMessageFrameData 625cbe2a
 _onMessageFrameEnd 2673bd45
autobahn.twisted.websocket:WebSocketAdapterProtocol
 _onMessageBegin d5b50013
 _onMessageEnd 45374732
 _onMessageFrame 1ef45fbe
 _onMessageFrameBegin d8c46536
 _onMessageFrameData 9bb41abb
 _onMessageFrameEnd e5578c1e
 dataReceived dc533bc0
autobahn.util
 _qn 212ab728 55c80d99
 hl 4373d272 72cd761e
 hltype 70f2dbfe
 hlval 7f5fefda afbaf639 810d2d98
autobahn.util:_LazyHexFormatter
 __init__ b4c4d8f0
autobahn.websocket.compress_deflate:PerMessageDeflate
 __init__ 16347294 ec32c520
 compress_message_data 6374ee6e
 decompress_message_data 1be4cb6b 912d0d62
 end_compress_message 1d2b53c1
 end_decompress_message ca74753b 598a270d
 start_compress_message 226271e1
 start_decompress_message af14f362 864c0d66
autobahn.websocket.protocol
 Utf8Validator 93193b1e
 create_xor_masker cbc942ef
 hltype 5ee4c7f3 3e1e72ce
 hlval 5ee4c7f3 3e1e72ce
autobahn.websocket.protocol:FrameHeader
 __init__ 5d58536b
autobahn.websocket.protocol:WebSocketProtocol
 __init__ b2a46fe1 1ef41db8
 fire 89b26093
 onFrameBegin 259e1769
 onFrameData e570fecd 6824477a
 onFrameEnd 2a8ad8e9 1fdd0329 58f6f30a
 onMessageBegin 048d12b1
 onMessageEnd 88ca43d1
 onMessageFrame 85505f08
 onMessageFrameBegin 59bbb53e c9438d0f
 onMessageFrameData 10856389 52e4fcb4
 onMessageFrameEnd 2c973821
 processData 970f1f6d 93ec6e60
 sendData 182f4efd 7be4f94b
 sendFrame 8d88e817 b9b11e02 3562f77e
 sendMessage 6e46ac72 11c0c82c ecebd9d9
"""
