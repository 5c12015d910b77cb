"""Apache httpd for scripts: TLS on loopback, and requests handed on to mini_winrm_server.py with a password of that server."""
import base64
import os

PROGRAM = "/usr/sbin/apache2"
CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LogLevel warn
{user}
{modules}
KeepAlive On
MaxKeepAliveRequests 0
SSLSessionCache none
{hosts}
"""
HOST = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
  SSLEngine on
  SSLCertificateFile {certificate}
  SSLCertificateKeyFile {key}
  RequestHeader set Authorization "Basic {password}"
  {content}
</VirtualHost>
"""


def command(folder):
    return [PROGRAM, "-f", f"{folder}/apache.conf", "-DFOREGROUND"]


def host(port, certificate, user, password, content):
    """A virtual host; what it hands on goes as this user."""
    pem, key = certificate
    password = base64.b64encode(f"{user}:{password}".encode()).decode()
    return HOST.format(port=port, certificate=pem, key=key, password=password, content=content)


def configure(folder, modules, *hosts):
    """Writes the configuration, for a server that may change to a user of its own."""
    lines = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules.split())
    user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
    with open(f"{folder}/apache.conf", "w", encoding="ascii") as file:
        file.write(CONFIGURATION.format(folder=folder, user=user, modules=lines, hosts="".join(hosts)))
    os.chmod(folder, 0o755)
