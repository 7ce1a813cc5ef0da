/**
 * The unit of systemd. `systemd/personal-firewall.service` is the same text for people who make
 * packages; a test holds the two equal. Each line's reason stands in the unit itself.
 */

/** The name of the service and of its unit. */
export const UNIT_NAME = "personal-firewall.service";

/** @param executable absolute path of pfw, without blanks or characters that systemd expands */
export function unitText(executable: string): string {
  return TEMPLATE.replaceAll("@PFW@", executable);
}

const TEMPLATE = `\
# Made by \`pfw install\`, which writes it anew at each upgrade. To change something use
# \`systemctl edit personal-firewall\`.
[Unit]
Description=Personal firewall
Documentation=man:pfw(8)
# In force before any interface is up. The usual dependencies would put this after sysinit.target,
# which on many machines (cloud-init) waits for the network: a circle that systemd breaks anywhere.
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=local-fs.target systemd-modules-load.service systemd-sysctl.service
# Those that empty tables as they start do so before the rules of pfw are in them.
After=nftables.service iptables.service ip6tables.service netfilter-persistent.service ufw.service
RequiresMountsFor=@PFW@
# A pfw that dies again and again leaves its rules in the kernel; after this it is left alone.
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
# Ready once the plan was read back from the kernel; alive while the loop reads packets.
Type=notify
NotifyAccess=main
WatchdogSec=30
TimeoutStartSec=120
TimeoutStopSec=60
# By this name pfw asks systemd whether a stop is part of a restart: a restart keeps the rules in
# the kernel for the next pfw to replace, a stop removes them.
Environment=PFW_SYSTEMD_UNIT=%n
# The legacy backend of iptables loads its modules itself and wants its lock; neither works inside
# the sandbox, so both are prepared outside of it. The other backend does without.
ExecStartPre=+-/bin/sh -c 'case $$(iptables -V) in *nf_tables*) ;; *) \\
  modprobe -aq ip_tables ip6_tables; umask 077; : >>/run/xtables.lock ;; esac'
# Reads the configuration and touches nothing: a bad one is told before anything changes.
ExecStartPre=@PFW@ rules check
ExecStart=@PFW@ start
ExecReload=@PFW@ reload
Restart=on-failure
RestartSec=1
# Wrong usage or configuration, and what is missing, do not mend by themselves.
RestartPreventExitStatus=2 4
# An iptables-restore under way is never cut in half.
KillMode=mixed
OOMScoreAdjust=-500

# Directories. The lock and what to undo after a crash must outlive a failed run.
RuntimeDirectory=personal-firewall
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
StateDirectory=personal-firewall
StateDirectoryMode=0700
LogsDirectory=personal-firewall
LogsDirectoryMode=0750
CacheDirectory=personal-firewall
CacheDirectoryMode=0700
ConfigurationDirectory=personal-firewall
ConfigurationDirectoryMode=0755
ReadWritePaths=-/etc/personal-firewall -/run/xtables.lock

# Rights. NET_ADMIN: rules, sets, large socket buffers. NET_RAW: capture. SYS_PTRACE: to see which
# connections belong to sshd, so that nobody who is logged in is ever locked out; the calls that
# could trace or change another process are refused below. BPF: to have the kernel count packets
# that need not be looked at. CHOWN: a configuration that is changed stays that of its group.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_PTRACE CAP_BPF CAP_CHOWN
AmbientCapabilities=
NoNewPrivileges=yes
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service bpf
SystemCallFilter=~@debug @setuid @keyring @resources
SystemCallErrorNumber=EPERM
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_PACKET AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# Not MemoryDenyWriteExecute: V8 compiles at run time.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
KeyringMode=private

[Install]
WantedBy=multi-user.target
`;
