//go:build unix

package app

import (
	"fmt"
	"os"
	"syscall"
)

// hold takes so many bytes from the kernel and returns their release. It is no
// part of Go's heap, which would let its garbage grow as large again.
func hold(bytes int64) (release func() error, err error) {
	if bytes == 0 {
		return func() error { return nil }, nil
	}
	held, err := syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("taking %d bytes of memory: %w", bytes, err)
	}
	for i := 0; i < len(held); i += os.Getpagesize() {
		held[i] = 1 // the kernel gives a page when it is first written
	}
	return func() error { return syscall.Munmap(held) }, nil
}
