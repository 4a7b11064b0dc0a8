package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// object is a JSON object.
type object map[string]any

// conflist is the node's CNI configuration: a point-to-point link for each pod,
// addresses from the node's ranges, host ports. Taken addresses are noted under
// /run, which a restart of the node empties along with its pods.
func conflist(ranges []netip.Prefix, mtu int) ([]byte, error) {
	var pools [][]object
	var routes []object
	for _, r := range ranges {
		everywhere := "0.0.0.0/0"
		if !r.Addr().Is4() {
			everywhere = "::/0"
		}
		pools = append(pools, []object{{"subnet": r.String()}})
		routes = append(routes, object{"dst": everywhere})
	}
	ipam := object{"type": "host-local", "dataDir": "/run/cni-ipam-state", "ranges": pools, "routes": routes}
	return json.MarshalIndent(object{
		"cniVersion": "0.3.1",
		"name":       "seatrial",
		"plugins": []object{
			{"type": "ptp", "mtu": mtu, "ipam": ipam},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
}

// writeCNI writes the configuration if it is not there as it should be.
func writeCNI(dir string, me node) error {
	want, err := conflist(me.ranges, mtuOf(me.addresses))
	if err != nil {
		return fmt.Errorf("making the CNI configuration: %w", err)
	}
	name := filepath.Join(dir, "10-seatrial.conflist")
	if have, err := os.ReadFile(name); err == nil && bytes.Equal(have, want) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making CNI's folder: %w", err)
	}
	temporary := filepath.Join(dir, ".seatrial") // containerd never reads half a file
	if err := os.WriteFile(temporary, want, 0o644); err != nil {
		return fmt.Errorf("writing the CNI configuration: %w", err)
	}
	if err := os.Rename(temporary, name); err != nil {
		return fmt.Errorf("writing the CNI configuration: %w", err)
	}
	return nil
}

// mtuOf is the MTU of the interface that carries the node's address: pods must
// not send packets that the way between nodes would cut. 0 means the default.
func mtuOf(addresses []netip.Addr) int {
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0
	}
	for _, i := range interfaces {
		bound, _ := i.Addrs()
		for _, b := range bound {
			if p, err := netip.ParsePrefix(b.String()); err == nil && slices.Contains(addresses, p.Addr()) {
				return i.MTU
			}
		}
	}
	return 0
}

// masquerade lets pods speak to everything that is not a pod under the node's
// address, which alone has a way back.
func masquerade(ctx context.Context, subnets string) error {
	for subnet := range strings.SplitSeq(subnets, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(subnet))
		if err != nil {
			return fmt.Errorf("POD_SUBNET: %w", err)
		}
		if err := ensureRule(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// ensureRule asks first (-C), as iptables adds (-A) the same rule twice. Rules
// vanish only with the node, and then this program starts anew, but a rule that a
// user flushed comes back as well.
func ensureRule(ctx context.Context, p netip.Prefix) error {
	tool := "/usr/sbin/iptables"
	if !p.Addr().Is4() {
		tool = "/usr/sbin/ip6tables"
	}
	rule := []string{"POSTROUTING", "-s", p.String(), "!", "-d", p.String(), "-m", "comment", "--comment", "seatrial: pods to the outside", "-j", "MASQUERADE"}
	err := onNode(ctx, tool, append([]string{"-w", "-t", "nat", "-C"}, rule...)...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = onNode(ctx, tool, append([]string{"-w", "-t", "nat", "-A"}, rule...)...)
	}
	if err != nil {
		return fmt.Errorf("masquerading pods: %w", err)
	}
	return nil
}

// onNode runs a program of the node's own file system: the node has chosen the
// iptables that fits its kernel.
func onNode(ctx context.Context, tool string, args ...string) error {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: nodeRoot}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
