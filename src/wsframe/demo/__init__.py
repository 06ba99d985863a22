"""`wsframe demo`: stock servers, measured alone and under `wsframe run`."""
