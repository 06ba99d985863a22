"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py uvicorn` (see `accelerate.fingerprints`).
"""

CODE = """\
uvicorn.config:Config
 __init__ ecae4395 03d9b581 8556a127 56dd9f4f e9af1023 936976ad 6a1153bf
 load f79ee5a3 d61cfdf4 418a48d2 ea58dd09 e9b74788
uvicorn.protocols.http.auto_zttp_impl:AutoZttpProtocol
 __init__ ac59a113
 _switch 5f57e4e6
 connection_lost ce7f6421
 connection_made 333d02a1
 data_received a861764f
 eof_received deed376d
 shutdown 9f87ba31
uvicorn.protocols.http.flow_control:FlowControl
 __init__ 85394071
 drain a3bbce68
 pause_reading 3d0931ae
 pause_writing 69f5f182
 resume_reading d4d41b6f
 resume_writing 7faa4485
uvicorn.protocols.http.h11_impl:H11Protocol
 __init__ 78a492ff ea80f64d
 handle_websocket_upgrade 193a57c5
uvicorn.protocols.http.httptools_impl:HttpToolsProtocol
 __init__ 08b6ba77 2564db41 aebb4b1b
 handle_websocket_upgrade 04ae6b9b
uvicorn.protocols.http.zttp_h2_impl
 ZttpH2Protocol 0889113e
uvicorn.protocols.http.zttp_h2_impl:ZttpH2Protocol
 __init__ 2805a7c0
 _close_connection c2a9093d
 _unset_keepalive_if_required 3ff1f681
 connection_lost 163cc69e
 connection_made 7caa4fd6
 data_received 7a5e8bc5
 eof_received deed376d
 events 6211dca0
 flush c208a36e
 handle_events 98d23d90
 handle_request cbbc95b5
 handle_rst_stream ff8cd77e
 on_response_complete b291c10c
 on_stream_closed afb54c7f
 pause_writing 86f3ba6b
 resume_reading_if_idle c9da79c0
 resume_writing d75f8a37
 shutdown f6350d49
 timeout_keep_alive_handler 16eb9b1e
uvicorn.protocols.websockets.websockets_impl:WebSocketProtocol
 __init__ b984564d 9ecf8e06 5fd83c84
 asgi_receive 3858e550 7776ee5b 401ccdf9
 asgi_send c95e4072 01b84eef d45c7056 540dcd07
 connection_lost 9e7e9a30
 connection_made 32fbd221
 on_task_complete 0715ec37
 process_request 6b5dbfa5 ed5defd7 eb2b37df 0441af63
 process_subprotocol 409ba725
 run_asgi 14806ca1 b0c9ff59 4a85acd2
 send_500_response 90df4cd5
 shutdown c165bf78
 ws_handler 940d4b26
uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol
 __init__ 5d9c8a17 d1553ade ea5408a8 42ae8474 ac4eddb6
 connection_lost 36be3cf9 d220cc64 a00b0c7a
 connection_made 98421f52
 data_received 01f2625f
 eof_received deed376d
 handle_bytes 19b0977d 2e46bb54 0b9b56ad
 handle_close ccd7614f f7da0e62
 handle_connect 33695dff c0533359 4ba91c89 9acfbcb5
 handle_cont 27645076 504603d2 8cf62e8c
 handle_events 9902d259 78c11ff1
 handle_parser_exception a6ed700b
 handle_ping 3e45852a
 handle_pong bfd30f76
 handle_text 7a2e3d36 8f8a36f2 33f3832a
 keepalive_timeout 351604ac
 on_task_complete 0715ec37
 pause_writing 448ab5bf
 receive 67d7cb4e
 resume_writing 25abc60f
 run_asgi 2bc393f1 61d2806b 46d90841
 schedule_ping 0da11567
 send 4cf526ec c169e35e cd0beeb6
 send_500_response 1238cece
 send_keepalive_ping 63b22c81
 send_receive_event_to_app 6261c0ca f2d5b2cb d7a0b1df e8f3de25
 shutdown 5ccaac13 d79e9c78 7ac364ed
 start_keepalive 2d97fbca
 stop_keepalive 01b828aa
uvicorn.protocols.websockets.wsproto_impl:WSProtocol
 __init__ 656f254a 23672203 6ce57171 c5c53980 34257b68
 connection_lost 36be3cf9 d220cc64 a00b0c7a
 connection_made c12b58ff
 data_received 73ff2256 b77a7c72
 eof_received deed376d
 handle_bytes 481b93a3
 handle_close 3d79adee 4bd68088 2505005e
 handle_connect ba22461f e99ab602
 handle_events 67d12987 9f287c0e 3258bb4c
 handle_message 912f934f
 handle_ping fc1c3055
 handle_pong b0bd3012
 handle_text f8b000ca
 keepalive_timeout d52a48cc
 on_task_complete 0715ec37
 pause_writing 448ab5bf
 receive 67d7cb4e
 resume_writing 25abc60f
 run_asgi 4267e1c0 2bc393f1 61d2806b 46d90841
 schedule_ping 0da11567
 send 0f41c045 2bc3b16b 1c847332 fc2a3fe1 cf0a5f58 bf62cfb9
 send_500_response 3303f57e 44b3461a
 send_keepalive_ping c4d68e38
 shutdown 8d5c6c0d 3eae522c 516cbd62
 start_keepalive 2d97fbca
 stop_keepalive 01b828aa
uvicorn.protocols.websockets.wsproto_impl:WebsocketBuffer
 __init__ 1f48915d
 clear 62c5cf92
 extend 64c3f935
 to_message b01d4cca
uvicorn.server:Server
 __init__ f7eabf0a 377e1830
 shutdown 7a32010a f1cb8532
 startup 5b909b07 57af291f
uvicorn.server:ServerState
 __init__ d7f811c0
"""
