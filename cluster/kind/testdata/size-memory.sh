# Runs once in a worker, after its boot. What it leaves is worn at every start
# of the kubelet, also after the container was restarted.
set -eu
mkdir -p /kind/seatrial-size/kubelet.d
cd /kind/seatrial-size
mkdir -p hugepages # none, which would be taken from the memory
cat >meminfo <<END
MemTotal:       1675264 kB
MemFree:        1675264 kB
MemAvailable:   1675264 kB
Buffers:        0 kB
Cached:         0 kB
SwapTotal:      0 kB
SwapFree:       0 kB
END
cat >wear <<'END'
set -eu
wear() {
	[ -e "/kind/seatrial-size/$1" ] && [ -e "$2" ] || return 0
	grep -qF " $2 " /proc/self/mountinfo || mount --bind "/kind/seatrial-size/$1" "$2"
}
wear meminfo /proc/meminfo
wear node /sys/devices/system/node
# A kubelet takes the CPUs of the machine where it finds no NUMA nodes.
[ -e /sys/devices/system/node ] || wear node/node0 /sys/devices/system/cpu
wear hugepages /sys/kernel/mm/hugepages
END
cat >kubelet.d/size.conf <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
systemReserved:
  memory: "536870912"
evictionHard:
  memory.available: "104857600"
# What is reserved makes Allocatable what was asked for. It is not kept from pods:
# those without limits may take all that the node has, as on any node without
# reservations, which is kubeadm's default.
enforceNodeAllocatable: [none]
END
cat >/etc/systemd/system/kubelet.service.d/90-seatrial-size.conf <<END
[Service]
ExecStartPre=/bin/sh /kind/seatrial-size/wear
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=/kind/seatrial-size/kubelet.d"
END
systemctl daemon-reload
systemctl restart kubelet
