# Runs once in a worker, after its boot. What it leaves is worn at every start
# of the kubelet, also after the container was restarted.
set -eu
mkdir -p /kind/seatrial-size/kubelet.d
cd /kind/seatrial-size
mkdir -p hugepages # none, which would be taken from the memory
cat >meminfo <<END
MemTotal:       4820992 kB
MemFree:        4820992 kB
MemAvailable:   4820992 kB
Buffers:        0 kB
Cached:         0 kB
SwapTotal:      0 kB
SwapFree:       0 kB
END
# cAdvisor takes the CPUs of the NUMA nodes, or of the machine where it has
# none, and of them those that are online.
core=0
mkdir -p node/node0
while [ "$core" -lt 5 ]; do
	mkdir -p "cpu/cpu$core/topology"
	echo "$core" >"cpu/cpu$core/topology/core_id"
	echo 0 >"cpu/cpu$core/topology/physical_package_id"
	cp -r "cpu/cpu$core" node/node0
	core=$((core + 1))
done
for list in online possible present; do
	echo "0-$((core - 1))" >"cpu/$list"
done
cat >wear <<'END'
set -eu
wear() {
	[ -e "/kind/seatrial-size/$1" ] && [ -e "$2" ] || return 0
	grep -qF " $2 " /proc/self/mountinfo || mount --bind "/kind/seatrial-size/$1" "$2"
}
wear meminfo /proc/meminfo
wear cpu /sys/devices/system/cpu
wear node /sys/devices/system/node
wear hugepages /sys/kernel/mm/hugepages
END
cat >kubelet.d/size.conf <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
systemReserved:
  cpu: 1000m
  memory: "536870912"
evictionHard:
  memory.available: "104857600"
END
cat >/etc/systemd/system/kubelet.service.d/90-seatrial-size.conf <<END
[Service]
ExecStartPre=/bin/sh /kind/seatrial-size/wear
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=/kind/seatrial-size/kubelet.d"
END
systemctl daemon-reload
systemctl restart kubelet
