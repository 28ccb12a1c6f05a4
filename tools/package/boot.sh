#!/usr/bin/env bash
# In a clean root (tools/packages-test) with packages in /src/with: installs the service beside a systemd that can boot,
# which will run booted.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tools/packages.sh

apt-get -q update
apt-get -q -y install --no-install-recommends systemd-sysv /src/with/postern-server_*.deb \
    /src/with/postern-tools_*.deb
mkdir -p /etc/systemd/system/posternd.service.d
printf '[Service]\nWatchdogSec=10\n' >/etc/systemd/system/posternd.service.d/watchdog.conf # a shorter wait
cat >/etc/systemd/system/booted.service <<END
[Unit]
After=posternd.service
[Service]
Type=oneshot
ExecStart=$PWD/tools/package/booted.sh
[Install]
WantedBy=multi-user.target
END
systemctl enable booted.service
