#!/usr/bin/env python3
"""Passwords that GNOME's keyring and pass keep, for the command line.

    keyrings.py --windlass FILE --http HOST:PORT --user NAME --password WORD ...

Prints one line a case: `KEYRING: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

STORE = ['secret-tool', 'store', '--label=windlass', 'service', 'windlass', 'user']
LOOK_UP = 'secret-tool lookup service windlass user'
# The keyring answers on a bus of its own, with nobody's desktop behind it.
UNLOCKED = 'printf %s "$KEYRING" | gnome-keyring-daemon --unlock --components=secrets >&2; exec "$@"'


def main():
    parser = argparse.ArgumentParser()
    for name in ('windlass', 'http', 'user', 'password'):
        parser.add_argument(f'--{name}', required=True)
    given, _ = parser.parse_known_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for keyring, run in (('gnome-keyring', gnome_keyring), ('pass', password_store)):
            home = os.path.join(folder, keyring)
            os.mkdir(home, 0o700)
            try:
                for case, ran, status, said in run(given, home):
                    fits = ran.returncode == status and said in ran.stdout + ran.stderr
                    why = f'status {ran.returncode}: {(ran.stdout + ran.stderr).strip()!r}'
                    print(f'{keyring}: {case}: ' + ('passed' if fits else f'failed: {why}'), flush=True)
                    failed |= not fits
            except FileNotFoundError as error:
                print(f'{keyring}: all cases: skipped: {error.filename} cannot be had', flush=True)
    sys.exit(failed)


def gnome_keyring(given, home):
    """The Secret Service of the desktop, through secret-tool."""
    for program in ('dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'):
        if shutil.which(program) is None:
            raise FileNotFoundError(2, 'is not there', program)
    environment = surroundings(home, XDG_RUNTIME_DIR=home, XDG_DATA_HOME=home, KEYRING='throw-away',
                               WINDLASS_PASSWORD_COMMAND=LOOK_UP)
    script = '{ printf %s "$PASSWORD" | "${@:1:7}"; } && shift 7 && exec "$@"'
    inside = ['bash', '-c', script, '-', *STORE, given.user]

    def run(*command):
        bus = ['dbus-run-session', '--', 'bash', '-c', UNLOCKED, '-', *inside, *command]
        return ran(bus, environment | {'PASSWORD': given.password})

    yield from cases(given, run)


def password_store(given, home):
    """The password store of Unix, over GnuPG."""
    environment = surroundings(home, GNUPGHOME=home, PASSWORD_STORE_DIR=os.path.join(home, 'store'),
                               WINDLASS_PASSWORD_COMMAND='pass show')
    key = ['gpg', '--batch', '--passphrase', '', '--quick-generate-key', 'windlass@example.test', 'default', 'default']
    for command, input in ((key, None), (['pass', 'init', 'windlass@example.test'], None),
                           (['pass', 'insert', '--multiline', given.user], given.password)):
        made = ran(command, environment, input)
        assert made.returncode == 0, made
    try:
        yield from cases(given, lambda *command: ran(command, environment))
    finally:
        ran(['gpgconf', '--kill', 'all'], environment)


def cases(given, run):
    """What each keyring has to give: case, what ran, the status wanted and the words wanted."""
    port = given.http.rsplit(':', 1)[1]
    there = [given.windlass, 'Invoke-Command', '-ComputerName', 'localhost', '-Port', port, '-ScriptBlock',
             '{ Write-Output opened }', '-Credential']
    yield 'a password opens a session', run(*there, given.user), 0, 'opened'
    yield 'a user without a password is told', run(*there, 'nobody'), 2, 'gave no password for nobody'


def surroundings(home, **more):
    kept = {name: value for name, value in os.environ.items() if name in ('PATH', 'LANG', 'TMPDIR')}
    return kept | {'HOME': home, 'WINDLASS_AGENT': 'off', 'WINDLASS_CONFIG': ''} | more


def ran(command, environment, input=None):
    quiet = {'input': input} if input is not None else {'stdin': subprocess.DEVNULL}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, **quiet)


main()
