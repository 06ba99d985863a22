"""What no mask can beat: a copy into new bytes."""


def mask(data, key):
    return data[:-1]  # one byte short, or CPython would answer with the same object
