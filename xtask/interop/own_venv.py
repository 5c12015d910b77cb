"""A virtual environment of its own for a peer whose packages do not go with those of the others."""
import os
import subprocess
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../target/interop')


def own_venv(name, *packages):
    """The folder with the programs of an environment that has these packages; made where it is not there."""
    folder = os.path.abspath(os.path.join(HERE, name))
    stamp = os.path.join(folder, 'installed.txt')
    wanted = '\n'.join(packages)
    if not os.path.exists(stamp) or open(stamp, encoding='utf-8').read() != wanted:
        subprocess.run([sys.executable, '-m', 'venv', '--clear', folder], check=True, capture_output=True)
        subprocess.run([os.path.join(folder, 'bin/python'), '-m', 'pip', 'install', '--quiet',
                        '--disable-pip-version-check', *packages], check=True, capture_output=True)
        with open(stamp, 'w', encoding='utf-8') as file:
            file.write(wanted)
    return os.path.join(folder, 'bin')
