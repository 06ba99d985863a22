"""Select the framework of autobahn: its tests need one, and before 22.4 leave that to their runner."""

import os

import txaio

if "USE_ASYNCIO" in os.environ:
    txaio.use_asyncio()
else:
    txaio.use_twisted()
