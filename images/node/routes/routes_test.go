package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const twoNodes = `{"items":[
 {"metadata":{"name":"a"},"spec":{"podCIDRs":["10.244.0.0/24","fd00::/64"]},
  "status":{"addresses":[{"type":"Hostname","address":"a"},{"type":"InternalIP","address":"172.18.0.2"},{"type":"InternalIP","address":"fc00::2"}]}},
 {"metadata":{"name":"b"},"spec":{},"status":{"addresses":[{"type":"InternalIP","address":"172.18.0.3"}]}}]}`

func TestEachRangeIsReachedInItsFamily(t *testing.T) {
	nodes, err := decodeNodes(strings.NewReader(twoNodes))
	if err != nil {
		t.Fatal(err)
	}
	got := wanted(nodes)
	four := route{netip.MustParsePrefix("10.244.0.0/24"), netip.MustParseAddr("172.18.0.2")}
	six := route{netip.MustParsePrefix("fd00::/64"), netip.MustParseAddr("fc00::2")}
	if len(got) != 2 || !got[four] || !got[six] {
		t.Errorf("routes %v", got)
	}
}

func TestSplit(t *testing.T) {
	nodes, err := decodeNodes(strings.NewReader(twoNodes))
	if err != nil {
		t.Fatal(err)
	}
	me, others, err := split(nodes, "a")
	if err != nil || me.name != "a" || len(others) != 1 || others[0].name != "b" {
		t.Errorf("me %v, others %v, %v", me, others, err)
	}
	for _, name := range []string{"b", "c"} { // without a range; unknown
		if _, _, err := split(nodes, name); err == nil {
			t.Errorf("node %s needs no range", name)
		}
	}
}

// What is written for the kernel reads back as the same route.
func TestNetlinkRoundTrip(t *testing.T) {
	for _, want := range []route{
		{netip.MustParsePrefix("10.244.3.0/24"), netip.MustParseAddr("172.18.0.5")},
		{netip.MustParsePrefix("fd00:10:244:3::/64"), netip.MustParseAddr("fc00::5")},
	} {
		messages, err := syscall.ParseNetlinkMessage(encodeRoute(want, syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE))
		if err != nil || len(messages) != 1 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		if got, ok := decodeRoute(messages[0]); !ok || got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		messages[0].Data[5] = syscall.RTPROT_KERNEL
		if _, ok := decodeRoute(messages[0]); ok {
			t.Error("a route of somebody else's counts as ours")
		}
	}
}

func TestVerdict(t *testing.T) {
	ne := binary.NativeEndian
	answer := func(code int32) []byte {
		b := ne.AppendUint32(nil, syscall.SizeofNlMsghdr+4)
		b = ne.AppendUint16(b, syscall.NLMSG_ERROR)
		b = append(b, make([]byte, 10)...) // flags, sequence, port
		return ne.AppendUint32(b, uint32(code))
	}
	if err := verdict(answer(0)); err != nil {
		t.Errorf("done reads as %v", err)
	}
	if err := verdict(answer(-int32(syscall.ESRCH))); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("ESRCH reads as %v", err)
	}
}

func TestCNIConfigurationIsWrittenOnceAndRepaired(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net.d")
	name := filepath.Join(dir, "10-seatrial.conflist")
	me := node{ranges: []netip.Prefix{netip.MustParsePrefix("10.244.1.0/24")}}
	if err := writeCNI(dir, me); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(first), `"subnet": "10.244.1.0/24"`) {
		t.Fatalf("configuration %s, %v", first, err)
	}
	if err := os.WriteFile(name, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeCNI(dir, me); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(name); string(again) != string(first) {
		t.Errorf("not repaired: %s", again)
	}
}

func TestEndpointPrefersTheControlPlane(t *testing.T) {
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
	get := func(k string) string { return env[k] }
	if got := endpoint(get); got != "[fd00::1]:443" {
		t.Errorf("endpoint %s", got)
	}
	env["CONTROL_PLANE_ENDPOINT"] = "x-control-plane:6443"
	if got := endpoint(get); got != "x-control-plane:6443" {
		t.Errorf("endpoint %s", got)
	}
}
