"""Reads a registration manifest with jwcrypto, which shares nothing with what wrote it.

read-registration.py <cloud's private key, PEM> <factory's public key, JWK> <file>
prints a JSON line for each part: the protected headers of JWE and JWS, and the text.
"""

import json
import sys

from jwcrypto import jwe, jwk, jws

cloud_key_file, factory_key_file, manifest_file = sys.argv[1:]
with open(cloud_key_file, "rb") as file:
    cloud_key = jwk.JWK.from_pem(file.read())
with open(factory_key_file) as file:
    factory_key = jwk.JWK.from_json(file.read())
with open(manifest_file) as file:
    for line in file:
        outer = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
        outer.deserialize(line.strip(), cloud_key)
        inner = jws.JWS()
        inner.allowed_algs = ["ES256"]
        inner.deserialize(outer.payload.decode(), factory_key)
        print(json.dumps({"jwe": json.loads(outer.objects["protected"]), "jws": inner.jose_header, "text": inner.payload.decode()}))
