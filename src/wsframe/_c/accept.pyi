from .._py.accept import accept_key as accept_key, new_key as new_key
