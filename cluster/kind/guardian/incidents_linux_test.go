package guardian

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

func TestACutMatchesItsPeerAndPortsInBothProtocolsAndDirections(t *testing.T) {
	for _, tc := range []struct {
		cut  Cut
		want int // peer as source or target × protocols × ports × from or to the port
	}{
		{Cut{Peer: "172.18.0.2", Ports: []uint16{6443, 10250}}, 2 * 2 * 2 * 2},
		{Cut{Ports: []uint16{53}}, 2 * 2},
	} {
		rules, err := tc.cut.rules()
		if err != nil || len(rules) != tc.want {
			t.Errorf("%+v: %d rules, want %d; %v", tc.cut, len(rules), tc.want, err)
		}
	}
	rules, err := Cut{Peer: "172.18.0.2", Ports: []uint16{6443}}.rules()
	if err != nil {
		t.Fatal(err)
	}
	var values [][]byte
	for _, e := range rules[0] {
		if c, ok := e.(*expr.Cmp); ok {
			values = append(values, c.Data)
		}
	}
	want := [][]byte{{0x08, 0x00}, {unix.IPPROTO_TCP}, {172, 18, 0, 2}, {0x19, 0x2b}}
	if !slices.EqualFunc(values, want, slices.Equal) {
		t.Errorf("the first rule compares with %v, want %v", values, want)
	}
	for _, peer := range []string{"fd00::1", "control-plane"} {
		if _, err := (Cut{Peer: peer, Ports: []uint16{1}}).rules(); err == nil {
			t.Errorf("%s was accepted", peer)
		}
	}
}

func TestAPodIsFoundByItsUIDInEveryLayoutOfCgroups(t *testing.T) {
	const uid = "0a1b2c3d-1111-2222-3333-444455556666"
	self := children(t, 1)[0]
	for name, path := range map[string]string{
		"systemd":  "kubelet.slice/kubelet-kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/cri-1.scope",
		"cgroupfs": "kubelet/kubepods/burstable/pod" + uid + "/1",
	} {
		t.Run(name, func(t *testing.T) {
			group := tree(t, map[string]string{
				path + "/cgroup.procs":               strconv.Itoa(self) + "\n",
				"kubelet/pod-other/1/cgroup.procs":   "1\n",
				filepath.Dir(path) + "/cgroup.procs": "",
			})
			if pid, err := kernel.podProcess(group, uid); err != nil || pid != self {
				t.Errorf("found %d, want %d; %v", pid, self, err)
			}
			if _, err := kernel.podProcess(group, strings.ReplaceAll(uid, "a", "f")); err == nil {
				t.Error("another pod was found")
			}
		})
	}
}

func TestDaemonsAreThoseThatRunAndAreNotStopped(t *testing.T) {
	got := daemons([]process{
		{name: "kubelet", state: 'S'}, {name: "containerd", state: 'T'}, {name: "kube-controller", state: 'R'},
		{name: "containerd-shim", state: 'S'}, {name: "kubelet", state: 'S'},
	})
	if want := []string{"kube-controller", "kubelet"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// self is this process as a node: its namespaces are those that it is in.
var self = Node{Container: strings.Repeat("a", 64), PID: os.Getpid()}

func probing(t *testing.T) linux {
	t.Helper()
	m := linux{host: kernel}
	if err := m.within(self.PID, []string{"net"}, func() error { return nil }); err != nil {
		t.Skipf("entering namespaces needs CAP_SYS_ADMIN: %v", err)
	}
	return m
}

func TestAProbeTellsAnswersFromRefusalsAndSilence(t *testing.T) {
	m := probing(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	path := filepath.Join(t.TempDir(), "socket")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for name, tc := range map[string]struct {
		network, address string
		want             Answer
	}{
		"a listener":        {"tcp", tcp.Addr().String(), Answered},
		"no listener":       {"tcp", closed.Addr().String(), Refused},
		"a socket":          {"unix", path, Answered},
		"no socket":         {"unix", path + "-gone", Refused},
		"a mute DNS server": {"dns", mute.LocalAddr().String(), Silent},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := m.probe(Probe{Node: self, Network: tc.network, Address: tc.address}); err != nil || got != tc.want {
				t.Errorf("%s, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func TestADNSServerThatAnswersAnythingIsAlive(t *testing.T) {
	m := probing(t)
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan []byte, 1)
	go func() {
		question := make([]byte, 512)
		n, from, err := server.ReadFrom(question)
		if err == nil {
			_, err = server.WriteTo(question[:n], from)
		}
		if err != nil {
			n = 0
		}
		done <- question[:n]
	}()
	got, err := m.probe(Probe{Node: self, Network: "dns", Address: server.LocalAddr().String()})
	if err != nil || got != Answered {
		t.Errorf("%s, %v", got, err)
	}
	server.Close()
	if question := <-done; !strings.Contains(string(question), "\x0akubernetes\x07default\x03svc") {
		t.Errorf("asked %q", question)
	}
}

func TestACommandRunsInTheNodeAndItsErrorSaysWhy(t *testing.T) {
	m := probing(t)
	if out, err := m.run(self, "/bin/sh", "-c", "echo here"); err != nil || strings.TrimSpace(out) != "here" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := m.run(self, "/bin/sh", "-c", "echo broken >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsDoneToANodeThatIsGoneIsUndone(t *testing.T) {
	const nobody = 1 << 30 // above any pid
	node := Node{self.Container, nobody}
	prior := Prior{Part: Units, Units: []string{"kubelet"}}
	for name, e := range map[string]effect{
		"units":   units{host: kernel, group: filepath.Join(t.TempDir(), "gone"), node: node, prior: prior},
		"cuts":    sweepCuts{kernel, node, filepath.Join(t.TempDir(), "gone")},
		"restore": restore{kernel, node, []string{"scale"}},
	} {
		if err := errors.Join(e.undo(), e.close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
