package load_test

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/tally"
)

func TestWhatTheGeneratorLacksIsNotTheSystemsFailure(t *testing.T) {
	dialled := func(ip string, errno syscall.Errno) error {
		return fmt.Errorf("sending: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 80},
			Err: os.NewSyscallError("connect", errno)})
	}
	for _, tc := range []struct {
		ip    string
		errno syscall.Errno
		want  string
	}{
		{"10.0.0.1", syscall.EADDRNOTAVAIL, tally.Ports},
		{"fd00::1", syscall.EADDRNOTAVAIL, tally.Ports},
		{"10.0.0.1", syscall.EMFILE, tally.Ports},
		{"10.0.0.1", syscall.ECONNREFUSED, tally.Refused},
		{"::1", syscall.EADDRNOTAVAIL, tally.Unreachable}, // a machine without IPv6
	} {
		if got := load.Classify(dialled(tc.ip, tc.errno)); got != tc.want {
			t.Errorf("%v to %s is %q, want %q", tc.errno, tc.ip, got, tc.want)
		}
	}
}
