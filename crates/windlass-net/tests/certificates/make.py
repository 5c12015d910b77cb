"""Makes the certificates beside this file: python3 make.py (needs the package cryptography).

Then `openssl pkcs12 -export -in good.pem -inkey good.key -passout pass:Certificate.1 -out good.p12`.
"""
import datetime
import ipaddress
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FIRST, LAST = datetime.datetime(2020, 1, 1), datetime.datetime(2050, 1, 1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(file, subject, names, issuer, signer, until=LAST):
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(FIRST).not_valid_after(until)
    is_ca = signer is None
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    certificate = builder.sign(signer or key, hashes.SHA256())
    with open(f"{file}.pem", "wb") as out:
        out.write(certificate.public_bytes(serialization.Encoding.PEM))
    if names:
        with open(f"{file}.key", "wb") as out:
            out.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return key


LOCAL = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
AUTHORITY = "Windlass test authority"
authority = make("ca", AUTHORITY, None, AUTHORITY, None)
make("good", "good", LOCAL, AUTHORITY, authority)
make("other", "other", [x509.DNSName("elsewhere.example")], AUTHORITY, authority)
make("expired", "expired", LOCAL, AUTHORITY, authority, until=datetime.datetime(2021, 1, 1))
make("itself", "an authority that is a server, too", LOCAL, "an authority that is a server, too", None)

# A certificate of X.509 v1, which only the openssl command still makes.
NEW = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "old.key", "-subj", "/CN=localhost"]
request = subprocess.run(NEW, check=True, capture_output=True).stdout
SIGN = ["openssl", "x509", "-req", "-signkey", "old.key", "-days", "36500", "-out", "old.pem"]
subprocess.run(SIGN, input=request, check=True)
