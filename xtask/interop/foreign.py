"""What several scripts need to put programs that are not ours between our client and a WinRM server."""
import datetime
import ipaddress
import os
import socket
import subprocess
import sys
import tempfile
import time

USER, PASSWORD = "alice", "Pa55w0rd.1"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, process, seconds=15):
    """Waits until something listens; the process that should must not end meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the program ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def is_gone(process, seconds=10):
    """Whether there is no process of this id any more, or soon is none."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def certificate(folder, name="server", issuer=None, client=None, key=None):
    """Writes NAME.pem and NAME.key: a certificate for localhost, or with `client` for that user."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, client or "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = x509.ExtendedKeyUsageOID.CLIENT_AUTH if client else x509.ExtendedKeyUsageOID.SERVER_AUTH
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    if client:
        principal = b"\x0c" + bytes([len(client)]) + client.encode()
        names = [x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), principal)]
    issuer_certificate, issuer_key = issuer or (None, key)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_certificate.subject if issuer_certificate else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.ExtendedKeyUsage([usage]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .sign(issuer_key, None if issuer_key.__class__.__name__.startswith("Ed") else hashes.SHA256())
    )
    paths = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    with open(paths[0], "wb") as file:
        file.write(built.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


def authority(folder, name="authority"):
    """Writes NAME.pem: a certification authority; gives its path, its certificate and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                           "encipher_only", "decipher_only"), False)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    path = os.path.join(folder, name + ".pem")
    with open(path, "wb") as file:
        file.write(built.public_bytes(serialization.Encoding.PEM))
    return path, built, key


def revocation_list(folder, name, issuer, revoked=()):
    """Writes NAME: the list of the authority, on which these certificates stand."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    certificate, key = issuer
    now = datetime.datetime.now(datetime.timezone.utc)
    built = x509.CertificateRevocationListBuilder().issuer_name(certificate.subject)
    built = built.last_update(now - datetime.timedelta(hours=1)).next_update(now + datetime.timedelta(days=7))
    built = built.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(certificate.public_key()), False)
    built = built.add_extension(x509.CRLNumber(1), False)
    for path in revoked:
        with open(path, "rb") as file:
            serial = x509.load_pem_x509_certificate(file.read()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - datetime.timedelta(hours=2))
        built = built.add_revoked_certificate(entry.build())
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def fingerprint(path, algorithm="sha256"):
    """The fingerprint of the first certificate of a PEM file."""
    import hashlib
    import ssl
    with open(path, encoding="ascii") as file:
        return hashlib.new(algorithm, ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def run_client(program, case, *arguments, password=PASSWORD, environment=None, expect=None):
    """One case of the example interop_client; gives None or why it failed. `expect` has to be in what it says."""
    command = [program, "--user", USER, "--case", case, *map(str, arguments)]
    try:
        done = subprocess.run(command, env=dict(os.environ, WINDLASS_PASSWORD=password, **(environment or {})),
                              capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "no end after 60 s"
    if expect is not None:
        said = (done.stdout + done.stderr).strip()
        return None if done.returncode == 0 and expect in said else f"expected {expect!r}: {said}"
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]


def report(peer, case, reason):
    print(f"{peer}: {case}: " + ("passed" if reason is None else f"failed: {' '.join(str(reason).split())[:400]}"), flush=True)


class Program:
    """A server that runs until the block ends; what it says goes to a file, shown if it does not start."""

    def __init__(self, command, port, environment=None, folder=None):
        self.log = tempfile.TemporaryFile("w+", dir=folder)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, **(environment or {})), start_new_session=True)
        try:
            wait_for(port, self.process)
        except RuntimeError:
            self.stop()
            self.log.seek(0)
            print(self.log.read()[-2000:], file=sys.stderr)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
