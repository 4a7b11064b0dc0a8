package load

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestADialEndsWithTheRequestThatAskedForIt(t *testing.T) {
	// A full backlog drops SYNs: to a client the address does not answer.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	defer l.Close()
	for range 8 {
		request, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		conn, err := dial(context.WithValue(context.Background(), asker{}, request), new(net.Dialer), "tcp", l.Addr().String())
		cancel()
		if err != nil {
			return // within the test's own time, and long before the kernel's 127 s
		}
		defer conn.Close()
	}
	t.Skip("this kernel accepts connections beyond the backlog")
}
