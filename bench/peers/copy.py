"""What no mask can beat: a copy into new bytes; and a text to UTF-8, without a frame, as CPython does it."""


def mask(data, key):
    return data[:-1]  # one byte short, or CPython would return the same object


def encode_text(text):
    return text.encode()
