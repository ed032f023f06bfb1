# SPDX-License-Identifier: GPL-2.0-or-later
"""How each program is started, filled, and given a line of its configuration."""
import dataclasses
import re
import typing


def append(text, line):
    return f"{text.rstrip()}\n{line}\n"


def replace(key):
    """In place of the line that begins so, else at the end."""
    def edit(text, line):
        made, count = re.subn(rf"(?m)^\s*{re.escape(key)}.*$", lambda _: line, text, count=1)
        return made if count else append(text, line)
    return edit


def below(header):
    """Behind the line of its section."""
    def edit(text, line):
        key = re.split(r"[ =]", line.strip())[0]
        text = re.sub(rf"(?m)^\s*{re.escape(key)}\b.*\n", "", text)
        return text.replace(f"{header}\n", f"{header}\n  {line}\n", 1)
    return edit


def within(opening):
    """Behind what opens its block, in place of one that is there."""
    def edit(text, line):
        key = line.strip().split()[0]
        text = re.sub(rf"(?m)^\s*{re.escape(key)}\b.*\n", "", text)
        return text.replace(f"{opening}\n", f"{opening}\n  {line}\n", 1)
    return edit


@dataclasses.dataclass
class Recipe:
    name: str
    packages: list
    argv: list
    port: int
    files: dict = dataclasses.field(default_factory=dict)
    prepare: str = ""
    config: str = ""  # where our own is, if not where the advice says
    edit: typing.Callable = append
    soft: int = 300
    hard: int = 4096
    clients: int = 600
    hello: bytes = b""
    pause: float = 0.1
    rest: float = 0  # seconds that it pauses when a call was refused
    user: str = ""  # started as, "": root
    managed: bool = False
    cheap: bool = True


NGINX = """
user root; daemon off; error_log stderr crit; pid /run/nginx-test.pid; worker_processes 1;
events { worker_connections 4000; }
http { access_log off; keepalive_timeout 600s; client_header_timeout 600s;
  server { listen 127.0.0.1:19001; } }
"""

HAPROXY = """
global
  stats timeout 60s
defaults
  mode tcp
  timeout client 600s
  timeout server 600s
  timeout connect 5s
frontend in
  bind 127.0.0.1:19003
  mode http
  http-request return status 200
"""

STUNNEL = """
foreground = yes
pid =
syslog = no
[test]
accept = 127.0.0.1:19020
connect = 127.0.0.1:1
TIMEOUTbusy = 600
ciphers = PSK
PSKsecrets = /etc/stunnel/psk
"""

NAMED = """
options {
  listen-on port 19033 { 127.0.0.1; };
  listen-on-v6 { none; };
  files 300;
  tcp-clients 5000;
  tcp-initial-timeout 1200;
  directory "/tmp";
  recursion no;
  pid-file none;
};
controls { };
"""

SYSLOG_NG = """@version: 3.38
options { stats-freq(0); };
source s { network(ip("127.0.0.1") port(19035) transport("tcp") max-connections(5000)); };
destination d { file("/dev/null"); };
log { source(s); destination(d); };
"""

NODE = """
require("net").createServer(() => {}).listen(19025, "127.0.0.1");
"""

ASYNCIO = """
import asyncio
async def main():
    async def keep(reader, writer):
        await reader.read()
    server = await asyncio.start_server(keep, "127.0.0.1", 19043)
    await server.serve_forever()
asyncio.run(main())
"""

# A request of FastCGI for a script that opens files for as long as it is let.
FILL = """<?php
set_time_limit(0);
for ($kept = []; count($kept) < 6000;) {
    $one = @fopen("/etc/hostname", "r");
    if ($one) $kept[] = $one; else usleep(20000);
    if (count($kept) % 100 == 99) usleep(20000);
}
sleep(600);
"""


def fastcgi(script):
    """One request for this script, without a body."""
    def record(kind, body):
        return bytes((1, kind, 0, 1)) + len(body).to_bytes(2, "big") + b"\0\0" + body
    pairs = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/fill"}
    body = b"".join(bytes((len(key), len(value))) + key.encode() + value.encode()
                    for key, value in pairs.items())
    return (record(1, b"\0\1\0\0\0\0\0\0") + record(4, body) + record(4, b"")
            + record(5, b""))


PHP_POOL = """
[global]
error_log = /dev/null
daemonize = no
[www]
user = root
group = root
listen = 127.0.0.1:19011
pm = static
pm.max_children = 1
rlimit_files = 300
"""

SUPERVISORD = """
[supervisord]
nodaemon=true
user=root
minfds=300
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord-test.pid
[program:server]
command=/usr/bin/python3 /srv/child.py
"""

JAVA = """
import java.net.*;
import java.util.*;
public class Server {
    public static void main(String[] arguments) throws Exception {
        ServerSocket server = new ServerSocket();
        server.bind(new InetSocketAddress("127.0.0.1", 19027), 500);
        List<Socket> kept = new ArrayList<>();
        while (true) {
            try {
                kept.add(server.accept());
            } catch (java.io.IOException refused) {
                Thread.sleep(20);
            }
        }
    }
}
"""

NGIRCD = """
[Global]
  Name = irc.test.example
  Info = test
  Listen = 127.0.0.1
  Ports = 19042
  ServerUID = root
  ServerGID = root
[Limits]
  MaxConnections = 0
  MaxConnectionsIP = 0
  PingTimeout = 600
  PongTimeout = 600
"""

PROSODY = """
daemonize = false
run_as_root = true
network_backend = "epoll"
pidfile = "/run/prosody-test.pid"
log = { }
interfaces = { "127.0.0.1" }
c2s_ports = { 19045 }
s2s_ports = { }
modules_disabled = { "s2s" }
c2s_timeout = 600
data_path = "/tmp"
VirtualHost "localhost"
"""

# One child, which takes all; its clients wait for a next request.
APACHE = """
ServerName localhost
PidFile /run/apache2-test.pid
KeepAlive On
KeepAliveTimeout 600
MaxKeepAliveRequests 0
StartServers 1
ServerLimit 1
ThreadLimit 25
ThreadsPerChild 25
MinSpareThreads 1
MaxSpareThreads 25
MaxRequestWorkers 25
AsyncRequestWorkerFactor 100
"""

APACHE_ENVIRONMENT = """
export APACHE_RUN_USER=www-data APACHE_RUN_GROUP=www-data APACHE_LOG_DIR=/tmp
export APACHE_RUN_DIR=/run APACHE_LOCK_DIR=/run APACHE_PID_FILE=/run/apache2-test.pid
APACHE_ULIMIT_MAX_FILES='ulimit -n 300'
"""

CUPS = """
Listen 127.0.0.1:19050
MaxClients 5000
MaxClientsPerHost 5000
Timeout 600
IdleExitTimeout 0
"""

RECIPES = [
    Recipe("nginx", ["nginx-light"], ["/usr/sbin/nginx", "-c", "/etc/nginx/nginx.conf"], 19001,
           files={"/etc/nginx/nginx.conf": NGINX},
           edit=lambda text, line: f"{line}\n{text}"),
    Recipe("haproxy", ["haproxy"], ["/usr/sbin/haproxy", "-db", "-f",
                                    "/etc/haproxy/haproxy.cfg"], 19003,
           files={"/etc/haproxy/haproxy.cfg": HAPROXY}, edit=below("global"), soft=300,
           hard=300),
    Recipe("lighttpd", ["lighttpd"], ["/usr/sbin/lighttpd", "-D", "-f",
                                      "/etc/lighttpd/lighttpd.conf"], 19004,
           files={"/etc/lighttpd/lighttpd.conf":
                  'server.document-root = "/var/www"\nserver.port = 19004\n'
                  'server.max-read-idle = 600\n'},
           edit=replace("server.max-fds")),
    Recipe("redis", ["redis-server"], ["/usr/bin/redis-server", "/etc/redis/redis.conf"], 19005,
           files={"/etc/redis/redis.conf": "port 19005\nsave \"\"\ndir /tmp\n"},
           edit=replace("maxclients"), hard=300, managed=True),
    Recipe("memcached", ["memcached"], ["/usr/share/memcached/scripts/systemd-memcached-wrapper",
                                        "/etc/memcached.conf"], 19006,
           files={"/etc/memcached.conf": "-p 19006\n-u nobody\n-l 127.0.0.1\n-c 300\n"},
           edit=replace("-c ")),
    Recipe("squid", ["squid"], ["/usr/sbin/squid", "--foreground", "-f",
                                "/etc/squid/squid.conf"], 19007,
           files={"/etc/squid/squid.conf": "http_port 127.0.0.1:19007\nhttp_access allow all\n"
                  "cache deny all\naccess_log none\nrequest_start_timeout 600 seconds\n"
                  "pid_filename /run/squid-test.pid\n"},
           edit=replace("max_filedescriptors"), soft=600, clients=900, cheap=False),
    Recipe("mosquitto", ["mosquitto"], ["/usr/sbin/mosquitto", "-c",
                                        "/etc/mosquitto/test.conf"], 19008,
           files={"/etc/mosquitto/test.conf": "listener 19008 127.0.0.1\n"
                  "allow_anonymous true\n"}),
    Recipe("pgbouncer", ["pgbouncer"], ["/usr/sbin/pgbouncer", "/etc/pgbouncer/test.ini"], 19009,
           files={"/etc/pgbouncer/test.ini": "[databases]\nx = host=127.0.0.1 port=1\n"
                  "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = 19009\n"
                  "unix_socket_dir =\nauth_type = any\nmax_client_conn = 5000\n"
                  "client_login_timeout = 600\n"},
           # it defers to accept until there is something to read
           hello=b"\0", user="nobody", rest=6),
    Recipe("rsyslog", ["rsyslog"], ["/usr/sbin/rsyslogd", "-n", "-i", "/run/rsyslog-test.pid"],
           19010,
           files={"/etc/rsyslog.conf": '$MaxOpenFiles 300\nmodule(load="imtcp" '
                  'MaxSessions="5000")\ninput(type="imtcp" port="19010")\n*.* /dev/null\n'},
           edit=replace("$MaxOpenFiles"), cheap=False),
    Recipe("beanstalkd", ["beanstalkd"], ["/usr/bin/beanstalkd", "-l", "127.0.0.1", "-p",
                                          "19015"], 19015),
    Recipe("varnish", ["varnish"], ["/usr/sbin/varnishd", "-F", "-a", "127.0.0.1:19017", "-b",
                                    "127.0.0.1:1", "-s", "malloc,16m", "-p",
                                    "timeout_idle=600"], 19017, cheap=False, soft=400),
    Recipe("stunnel", ["stunnel4"], ["/usr/bin/stunnel4", "/etc/stunnel/test.conf"], 19020,
           files={"/etc/stunnel/test.conf": STUNNEL,
                  "/etc/stunnel/psk": "client:0123456789abcdef0123456789abcdef\n"},
           prepare="chmod 600 /etc/stunnel/psk", cheap=False),
    Recipe("coturn", ["coturn"], ["/usr/bin/turnserver", "-n", "--listening-ip=127.0.0.1",
                                  "--listening-port=19024", "--no-tls", "--no-dtls", "--no-cli",
                                  "--no-auth", "--no-udp", "--log-file=/dev/null",
                                  "--pidfile=/run/turn-test.pid", "--relay-ip=127.0.0.1"],
           19024, hard=300, cheap=False),
    Recipe("node", ["nodejs"], ["/usr/bin/node", "/srv/server.js"], 19025,
           files={"/srv/server.js": NODE}, hard=300, cheap=False),
    Recipe("slapd", ["slapd"], ["/usr/sbin/slapd", "-f", "/etc/ldap/test.conf", "-h",
                                "ldap://127.0.0.1:19026", "-d", "0"], 19026,
           files={"/etc/ldap/test.conf": "idletimeout 600\npidfile /run/slapd-test.pid\n"},
           cheap=False),
    Recipe("named", ["bind9"], ["/usr/sbin/named", "-g", "-c", "/etc/bind/test.conf"], 19033,
           files={"/etc/bind/test.conf": NAMED}, config="/etc/bind/test.conf",
           edit=within("options {"), cheap=False),
    Recipe("tor", ["tor"], ["/usr/bin/tor", "-f", "/etc/tor/test"], 19034,
           files={"/etc/tor/test": "SocksPort 127.0.0.1:19034\nConnLimit 100\n"
                  "DataDirectory /tmp/tor\nUser root\nSocksTimeout 600\n"
                  "Log err file /dev/null\nORPort 0\n"}, hard=300, cheap=False),
    Recipe("syslog-ng", ["syslog-ng-core"], ["/usr/sbin/syslog-ng", "-F", "--no-caps", "-f",
                                             "/etc/syslog-ng/test.conf",
                                             "--pidfile=/run/syslog-ng-test.pid",
                                             "--control=/run/syslog-ng-test.ctl"], 19035,
           files={"/etc/syslog-ng/test.conf": SYSLOG_NG}, hard=300, cheap=False),
    Recipe("gearmand", ["gearman-job-server"],
           ["/usr/sbin/gearmand", "-p", "19041", "-L", "127.0.0.1", "-l", "stderr", "-u", "root"],
           19041, cheap=False),
    Recipe("asyncio", ["python3"], ["/usr/bin/python3", "/srv/server.py"], 19043,
           files={"/srv/server.py": ASYNCIO}),
    Recipe("php-fpm", ["php8.2-fpm"], ["/usr/sbin/php-fpm8.2", "-F", "-R", "-y",
                                       "/etc/php/8.2/fpm/pool.d/www.conf"], 19011,
           files={"/etc/php/8.2/fpm/pool.d/www.conf": PHP_POOL, "/srv/fill.php": FILL},
           edit=replace("rlimit_files"), hello=fastcgi("/srv/fill.php"), clients=1, pause=1,
           cheap=False),
    Recipe("supervisord", ["supervisor"], ["/usr/bin/python3", "/usr/bin/supervisord", "-c",
                                           "/etc/supervisor/supervisord.conf"], 19012,
           files={"/etc/supervisor/supervisord.conf": SUPERVISORD,
                  "/srv/child.py": ASYNCIO.replace("19043", "19012")},
           edit=replace("minfds"), soft=200, cheap=False),
    Recipe("java", ["openjdk-17-jdk-headless"], ["/usr/bin/java", "-Xmx64m", "/srv/Server.java"],
           19027, files={"/srv/Server.java": JAVA}, hard=300, cheap=False),
    Recipe("prometheus", ["prometheus"],
           ["/usr/bin/prometheus", "--config.file=/etc/prometheus/test.yml",
            "--web.listen-address=127.0.0.1:19028", "--storage.tsdb.path=/tmp/prometheus",
            "--web.max-connections=5000", "--log.level=error"], 19028,
           files={"/etc/prometheus/test.yml": "global: {}\n"}, hard=300, cheap=False),
    Recipe("etcd", ["etcd-server"],
           ["/usr/bin/etcd", "--data-dir=/tmp/etcd", "--listen-client-urls=http://127.0.0.1:19029",
            "--advertise-client-urls=http://127.0.0.1:19029",
            "--listen-peer-urls=http://127.0.0.1:19030", "--log-level=error"], 19029,
           hard=300, pause=0.5, cheap=False),
    Recipe("nats", ["nats-server"], ["/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", "19031",
                                     "-l", "/dev/null"], 19031, hard=300, cheap=False),
    Recipe("ngircd", ["ngircd"], ["/usr/sbin/ngircd", "-n", "-f", "/etc/ngircd/test.conf"], 19042,
           files={"/etc/ngircd/test.conf": NGIRCD}, cheap=False),
    Recipe("prosody", ["prosody"], ["/usr/bin/prosody", "--root", "--config",
                                    "/etc/prosody/test.cfg.lua"], 19045,
           files={"/etc/prosody/test.cfg.lua": PROSODY}, rest=12, cheap=False),
    Recipe("apache2", ["apache2"], ["/usr/sbin/apachectl", "-D", "FOREGROUND"], 19002,
           files={"/etc/apache2/ports.conf": "Listen 127.0.0.1:19002\n",
                  "/etc/apache2/conf-enabled/zz-test.conf": APACHE,
                  "/etc/apache2/envvars": APACHE_ENVIRONMENT},
           edit=replace("APACHE_ULIMIT_MAX_FILES"), hard=10000, clients=275,
           hello=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", cheap=False),
    Recipe("transmission", ["transmission-daemon"],
           ["/usr/bin/transmission-daemon", "-f", "-g", "/tmp/transmission", "-p", "19049", "-r",
            "127.0.0.1", "--no-auth", "--no-portmap", "--no-dht"], 19049, cheap=False),
    Recipe("cups", ["cups-daemon"], ["/usr/sbin/cupsd", "-f", "-c", "/etc/cups/test.conf"], 19050,
           files={"/etc/cups/test.conf": CUPS}, hard=300, cheap=False),
]
