"""An authentication helper of squid for the scheme Negotiate: pyspnego's acceptor behind squid's lines.

squid asks `YR TOKEN` and `KK TOKEN`; the answers are `TT TOKEN`, `OK token=TOKEN user=NAME` and `NA token=.. message=..`.
"""
import base64
import sys

import spnego


def main():
    context = None
    for line in sys.stdin:
        kind, _, token = line.strip().partition(" ")
        try:
            token = base64.b64decode(token)
            if kind == "YR":
                raw = token.startswith(b"NTLMSSP\0")
                options = spnego.NegotiateOptions.use_ntlm if raw else spnego.NegotiateOptions.use_negotiate
                context = spnego.server(hostname="localhost", service="HTTP", protocol="ntlm" if raw else "negotiate", options=options)
            answer = base64.b64encode(context.step(token) or b"").decode()
            if context.complete:
                name = (context.client_principal or "unknown").replace("\\", "_")
                print(f"OK token={answer or 'AA=='} user={name}", flush=True)
            else:
                print(f"TT token={answer}", flush=True)
        except Exception as error:  # noqa: BLE001: whatever fails is a refusal
            print(f'NA token=AA== message="{type(error).__name__}"', flush=True)


if __name__ == "__main__":
    main()
