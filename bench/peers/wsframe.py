from wsframe import MessageDecoder, Role, accept_key, encode_text, mask, mask_into

__all__ = ["accept_key", "encode_text", "mask", "mask_into"]

DISTRIBUTION = "wsframe"


def decoder():
    return MessageDecoder(Role.SERVER).feed


def encode_text_masked(text):
    return encode_text(text, masked=True)
