package app_test

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// resident is the memory of this process, in MiB.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var kib int
	_, after, _ := bytes.Cut(text, []byte("VmRSS:"))
	if _, err := fmt.Sscan(string(after), &kib); err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

func TestTheApplicationTakesTheMemoryItIsToldToAndGivesItBack(t *testing.T) {
	before := resident(t)
	i := start(t, "--memory=64Mi", "--on-sigterm=exit")
	took := 0
	for limit := time.Now().Add(time.Minute); took < 56; took = resident(t) - before {
		select {
		case err := <-i.ended:
			t.Fatalf("it ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(limit) {
			t.Fatalf("it took %d MiB, want 64", took)
		}
	}
	if took > 100 {
		t.Errorf("it took %d MiB, want 64", took)
	}
	i.signal <- syscall.SIGTERM
	if err := <-i.ended; err != nil {
		t.Fatal(err)
	}
	if left := resident(t) - before; left > 32 {
		t.Errorf("%d MiB are left of it", left)
	}
}
