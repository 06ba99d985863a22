from wsframe import Role
from wsframe._py.accept import accept_key
from wsframe._py.encoder import encode_text
from wsframe._py.mask import mask, mask_into
from wsframe._py.message_decoder import MessageDecoder

__all__ = ["accept_key", "encode_text", "mask", "mask_into"]

DISTRIBUTION = "wsframe"


def decoder():
    return MessageDecoder(Role.SERVER).feed


def encode_text_masked(text):
    return encode_text(text, masked=True)
