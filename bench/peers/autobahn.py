from autobahn.nvx._xormasker import create_xor_masker

DISTRIBUTION = "autobahn"


def mask(data, key):
    return create_xor_masker(key, len(data)).process(data)
