# What is done inside a machine of the pool, one thing at a time:
#
#   ready       a kubelet that is held back cannot be started by mistake
#   hold        everything on the machine is lost, and its kubelet held back
#   join NODE   an empty machine becomes NODE; its credentials are the input
#
# Each can be done again, and finishes what an earlier one began.
set -euo pipefail
exec 9>/kind/seatrial-pool.lock
flock 9

held=/kind/seatrial-held       # while the kubelet is held back
joining=/kind/seatrial-joining # while the machine is neither held back nor a node

ready() {
	drop_in=/etc/systemd/system/kubelet.service.d/20-seatrial.conf
	[ ! -e $drop_in ] || return 0
	printf '[Unit]\nConditionPathExists=!%s\n' $held >$drop_in
	systemctl daemon-reload
}

# lose kills first and tidies up then.
lose() {
	pkill -KILL -x kubelet || true # none runs
	systemctl stop kubelet
	systemctl start containerd
	ctr --namespace k8s.io tasks ls | awk 'NR > 1 && $3 == "RUNNING" { print $2 }' | xargs -r kill -KILL 2>/dev/null || true # one may just have ended
	# A sandbox whose processes are just ending may refuse at first.
	crictl --timeout 20s rmp --force --all >/dev/null || crictl --timeout 20s rmp --force --all >/dev/null
	awk '$2 ~ "^/var/lib/kubelet/pods/" { print $2 }' /proc/mounts | sort -r | xargs -r umount
	rm -rf /var/lib/kubelet/pods/* /var/lib/kubelet/pki/* /var/lib/kubelet/*_manager_state /etc/kubernetes/kubelet.conf
	# The runtime watches the folder of the network's configuration: it stays.
	rm -rf /etc/cni/net.d/*.conflist /run/cni-ipam-state/* /var/log/pods/* /var/log/containers/* /var/local-path-provisioner/*
}

hold() {
	ready
	[ "$(cat $held 2>/dev/null)" != empty ] || return 0
	touch $held
	rm -f $joining
	lose
	echo empty >$held
}

join() {
	[ -e $held ] || [ -e $joining ] || return 0
	hold
	umask 077
	cat >/etc/kubernetes/kubelet.conf
	sed -i -e 's/ --hostname-override=[^ "]*//' -e 's/"$/ --hostname-override='"$1"'"/' /var/lib/kubelet/kubeadm-flags.env
	mv $held $joining
	systemctl reset-failed kubelet 2>/dev/null || true # it never failed
	systemctl start kubelet
	rm $joining
}

"$@"
