from wsaccel.xormask import createXorMasker

DISTRIBUTION = "wsaccel"


def mask(data, key):
    return createXorMasker(key, len(data)).process(data)
