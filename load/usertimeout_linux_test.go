package load

import (
	"net"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seatrial/seatrial"
)

func TestTheUserTimeoutIsTheKernels(t *testing.T) {
	shop := httptest.NewServer(nil)
	defer shop.Close()
	for want, how := range map[int]seatrial.Connection{0: {}, 1500: {UserTimeout: 1500 * time.Millisecond}} {
		conn, err := newDialer(how, nil).dial(t.Context(), "tcp", shop.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := controlled(raw, func(fd int) {
			if got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || got != want {
				t.Errorf("the kernel waits %d ms, want %d: %v", got, want, err)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}

func controlled(c syscall.RawConn, f func(fd int)) error {
	return c.Control(func(fd uintptr) { f(int(fd)) })
}
