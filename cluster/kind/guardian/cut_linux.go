package guardian

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// cutTable is the nftables table of a [Cut], in the network namespace of the
// node or of the pod whose link is cut.
const cutTable = tableName + "-cut"

// rule is what a packet must match.
type rule []expr.Any

// prepareCut opens the namespace, so that doing it is one transaction.
func (m linux) prepareCut(k knobs, p Plan) (Prior, effect, error) {
	at := p.Node
	if p.Cut.Pod != "" {
		pid, err := m.podProcess(k.group, p.Cut.Pod)
		if err != nil {
			return Prior{}, nil, err
		}
		at.PID = pid
	}
	match, err := p.Cut.rules()
	if err != nil {
		return Prior{}, nil, err
	}
	opened, err := openDrop(m.host, at)
	if err != nil {
		return Prior{}, nil, err
	}
	d := opened.(drop)
	d.table, d.match = cutTable, match
	return Prior{Part: Network}, d, nil
}

// podProcess finds a process of a pod by the pod's cgroup, which carries its
// UID, with dashes or underscores in it. All have the pod's network.
func (h host) podProcess(group, uid string) (int, error) {
	all, err := h.podProcesses(group, uid)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("no process of pod %s runs on the node", uid)
	}
	return all[0].PID, nil
}

// podProcesses are those of all the pod's containers, and of its sandbox.
func (h host) podProcesses(group, uid string) ([]process, error) {
	names := []string{"pod" + uid, "pod" + strings.ReplaceAll(uid, "-", "_")}
	var found []process
	err := eachGroup(group, func(path string) (err error) {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(path, n) }) {
			return nil
		}
		found, err = h.members(found, path, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("finding pod %s: %w", uid, err)
	}
	return found, nil
}

// Offsets of fields in the headers: RFC 791, RFC 9293, RFC 768.
const (
	protocolAt         = 9
	sourceAt, targetAt = 12, 16 // addresses
	fromPort, toPort   = 0, 2
)

// rules match IPv4 packets of both protocols from or to each port, on their way
// from or to the peer.
func (c Cut) rules() ([]rule, error) {
	var addresses []rule
	for _, at := range []uint32{sourceAt, targetAt} {
		if c.Peer == "" {
			addresses = []rule{nil}
			break
		}
		ip, err := netip.ParseAddr(c.Peer)
		if err != nil || !ip.Is4() {
			return nil, fmt.Errorf("%q is not an IPv4 address, the only ones that can be cut off", c.Peer)
		}
		addresses = append(addresses, equal(expr.PayloadBaseNetworkHeader, at, ip.AsSlice()))
	}
	var all []rule
	for _, address := range addresses {
		for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			for _, port := range c.Ports {
				for _, at := range []uint32{fromPort, toPort} {
					all = append(all, slices.Concat(ipv4(), equal(expr.PayloadBaseNetworkHeader, protocolAt, []byte{protocol}), address,
						equal(expr.PayloadBaseTransportHeader, at, binary.BigEndian.AppendUint16(nil, port))))
				}
			}
		}
	}
	return all, nil
}

// ipv4 matches the packets whose headers have these offsets.
func ipv4() rule {
	return rule{
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP)},
	}
}

func equal(base expr.PayloadBase, at uint32, value []byte) rule {
	return rule{
		&expr.Payload{DestRegister: 1, Base: base, Offset: at, Len: uint32(len(value))},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: value},
	}
}

// spaces are one process of each network namespace of a node, its init's first.
func (h host) spaces(n Node, all []process) []int {
	pids, seen := []int{}, map[string]bool{}
	for _, pid := range append([]int{n.PID}, pidsOf(all)...) {
		space, err := os.Readlink(h.path(pid, "ns/net"))
		if err != nil || seen[space] {
			continue // the process has just ended, and its pod with it; or known
		}
		seen[space] = true
		pids = append(pids, pid)
	}
	return pids
}

func pidsOf(all []process) []int {
	pids := make([]int, len(all))
	for i, p := range all {
		pids[i] = p.PID
	}
	return pids
}

// lookAtCuts counts the rules of cuts at the node, and with deep at its pods.
func lookAtCuts(h host, n Node, all []process, deep bool, s *State) error {
	pids := []int{n.PID}
	if deep {
		pids = h.spaces(n, all)
	}
	for _, pid := range pids {
		conn, err := h.netlink(Node{n.Container, pid})
		if pid != n.PID && gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = count(conn, cutTable, &s.Cut, &s.CutDropped)
		if err := errors.Join(err, conn.CloseLasting()); err != nil {
			return err
		}
	}
	return nil
}

// sweepCuts removes the tables of cuts from a node and its pods.
type sweepCuts struct {
	host
	node  Node
	group string
}

func (s sweepCuts) do() error    { return nil }
func (s sweepCuts) close() error { return nil }

func (s sweepCuts) undo() error {
	all, err := s.scan(s.group, s.node.PID)
	if err != nil {
		return unlessGone(err)
	}
	var errs []error
	for _, pid := range s.spaces(s.node, all) {
		conn, err := s.netlink(Node{s.node.Container, pid})
		if gone(err) {
			continue
		}
		if err == nil {
			err = errors.Join(removeTable(conn, cutTable), conn.CloseLasting())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
