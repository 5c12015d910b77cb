#!/usr/bin/env python3
"""CIM over DCOM with tickets of a KDC of MIT's: impacket and our own command at the embedded host.

    mit_dcom.py --windlass PROGRAM

The cases of impacket_wmi.py with Kerberos in place of NTLM, impacket's program wmiquery.py with -k, and
`windlass console`; tshark reads conversations of each with the host's keys. Prints
`mit-dcom: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import impacket_wmi  # noqa: E402
import mit_realm  # noqa: E402
import tshark_dcom  # noqa: E402
from own_host import OwnHost  # noqa: E402

REALM, USER, PASSWORD = "WINDLASS.TEST", "alice", "Pa55w0rd"
# impacket looks for the name that it dialled among the addresses that the host gives. Ours asks for no tickets for
# addresses where it may choose between Kerberos and NTLM.
HOST, NAME = "127.0.0.1", "srv.windlass.test"
FUNCTIONS = (
    impacket_wmi.processes_with_all_their_properties,
    impacket_wmi.a_projection_has_its_columns_alone,
    impacket_wmi.every_class_is_parsed_with_its_methods,
    impacket_wmi.every_instance_is_parsed,
    impacket_wmi.a_process_is_made_and_ended,
)


def cases(program, realm, port):
    for level_name, level in impacket_wmi.LEVELS.items():
        connection = {"domain": REALM, "doKerberos": True, "kdcHost": HOST}
        options = argparse.Namespace(host=HOST, user=USER, password="", connection=connection)
        for function in FUNCTIONS:
            peer = impacket_wmi.Peer(options, level)
            name = function.__name__.replace("_", " ")
            yield f"impacket, {level_name}: {name}", lambda function=function, peer=peer: function(peer)

        def wmiquery(level_name=level_name):
            target = f"{REALM}/{USER}@{HOST}"
            arguments = [target, "-k", "-no-pass", "-dc-ip", HOST, "-rpc-auth-level", level_name]
            queries = ["SELECT Name, ProcessId FROM Win32_Process", "describe Win32_Process"]
            output = impacket_wmi.program(None, "wmiquery.py", arguments, queries)
            impacket_wmi.expect(output, "| Name | ProcessId |", "class Win32_Process")

        yield f"wmiquery.py -k: {level_name}", wmiquery

    def ntlm():
        options = argparse.Namespace(host=HOST, user=USER, password=PASSWORD)
        try:
            impacket_wmi.a_projection_has_its_columns_alone(impacket_wmi.Peer(options))
        except impacket_wmi.dcomrt.DCERPCException as error:
            assert "denied" in str(error) or "not recognized" in str(error), error
            return
        raise AssertionError("it was let in")

    yield "impacket, NTLM where Kerberos alone is on offer", ntlm

    def ours(authentication, protection, *credential):
        def case():
            text = (f"$o = New-CimSessionOption {protection}\n"
                    f"$s = New-CimSession {NAME} -Authentication {authentication} -SessionOption $o\n"
                    "Get-CimInstance Win32_OperatingSystem -CimSession $s | Select-Object -ExpandProperty Caption")
            at = ["--resolve-rpc", f"{NAME}={HOST}:{port}"]
            command = [program, "console", *credential, *at, "--command", text]
            environment = realm.environment(WINDLASS_PASSWORD=PASSWORD)
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0 and done.stdout.strip(), f"{done.returncode} {done.stdout} {done.stderr}"

        return case

    def seen(talk):
        def case():
            with tempfile.TemporaryDirectory() as folder:
                capture = os.path.join(folder, "capture.pcapng")
                with tshark_dcom.recording("tshark", port, capture) as is_allowed:
                    if not is_allowed:
                        raise unittest.SkipTest("it may not capture here")
                    talk()
                keys = ("-K", realm.file("keytab"), "-o", "kerberos.decrypt:TRUE")
                tshark_dcom.look("tshark", capture, port, "privacy", keys, least=15)

        return case

    password = ("--credential", f"{USER}@{REALM}")
    for level, protection in (("privacy", "-PacketPrivacy"), ("integrity", "-PacketPrivacy:$false")):
        yield f"our own command, Kerberos with tickets, {level}", ours("Kerberos", protection)
        for authentication in ("Kerberos", "Negotiate"):
            name = f"our own command, {authentication} with a password, {level}"
            yield name, ours(authentication, protection, *password)
    for authentication in ("Kerberos", "Negotiate"):
        talk = ours(authentication, "-PacketPrivacy", *password)
        yield f"tshark with the keytab, our own command, {authentication}, privacy", seen(talk)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windlass", required=True)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing()
    if reason:
        print(f"mit-dcom: all cases: skipped: {reason}")
        return
    with mit_realm.Realm(REALM) as realm:
        realm.add_user(USER, PASSWORD)
        for service in (f"host/{HOST}", f"RPCSS/{NAME}"):
            realm.add_service(service)
        realm.kinit(USER, PASSWORD)
        # impacket asks KDCs at port 88 alone, so the ticket is fetched for it.
        realm.run("/usr/bin/kvno", f"host/{HOST}")
        os.environ.update({name: value for name, value in realm.environment().items() if name.startswith("KRB5")})
        host = OwnHost(arguments.windlass, "--rpc-listen", f"{HOST}:0", "--keytab", realm.file("keytab"),
                       "--auth", "kerberos")
        port = int(host.ready["rpc"].rsplit(":", 1)[1])
        impacket_wmi.transport.TCPTransport.__init__.__defaults__ = (port,)
        try:
            for name, case in cases(arguments.windlass, realm, port):
                if arguments.only not in name:
                    continue
                try:
                    case()
                    print(f"mit-dcom: {name}: passed", flush=True)
                except unittest.SkipTest as reason:
                    print(f"mit-dcom: {name}: skipped: {reason}", flush=True)
                except Exception as error:  # whatever goes wrong is this case's failure
                    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                    print(f"mit-dcom: {name}: failed: {reason}", flush=True)
        finally:
            host.stop()


if __name__ == "__main__":
    main()
    # impacket's timers must not keep the process alive.
    sys.stdout.flush()
    os._exit(0)
