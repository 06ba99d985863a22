"""One message for many connections: CPU time of the server per delivery, beside other ways to do it.

`make bench-fanout`, or `python -m bench.fanout --connections 1000 --messages 1 8`.  The clients are sockets
of another process, which reads and forgets.  `python -m bench.fanout Redis` measures the rows with this word,
and those that they are compared with.
"""
