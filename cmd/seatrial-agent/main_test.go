package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

// TestMain lets the test binary be the agent, as its own child.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_AGENT") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// agent starts the command with a free port for its --listen, and waits until
// it answers.
func agent(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.Command(os.Args[0], append(args, "--listen="+address)...)
	cmd.Env = append(os.Environ(), "BE_THE_AGENT=1", seatrial.AgentTokenEnv+"=a token")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit); <-time.After(10 * time.Millisecond) {
		if resp, err := http.Get("http://" + address + "/healthz"); err == nil {
			resp.Body.Close()
			return cmd, "http://" + address
		}
	}
	t.Fatal("it does not answer")
	return nil, ""
}

func TestTheLoadAgentEndsWellOnSIGTERM(t *testing.T) {
	cmd, _ := agent(t, "load")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestTheApplicationHearsSIGTERM(t *testing.T) {
	cmd, url := agent(t, "app", "--on-sigterm=drain", "--drain-time=10ms")
	resp, err := http.Get(url + "/items")
	if err != nil {
		t.Fatal(err)
	}
	body, err := bufio.NewReader(resp.Body).ReadString('\n')
	resp.Body.Close()
	if err != nil || !strings.Contains(body, `"path":"/items"`) {
		t.Errorf("it answered %q, %v", body, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestWrongArgumentsAreUsageErrors(t *testing.T) {
	if err := run(context.Background(), []string{"load"}); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), seatrial.AgentTokenEnv) {
		t.Errorf("without a token: %v", err)
	}
	t.Setenv(seatrial.AgentTokenEnv, "a token")
	for _, args := range [][]string{{}, {"lod"}, {"load", "--port=1"}, {"load", "now"}, {"app", "--service-time=x"}} {
		if err := run(context.Background(), args); !errors.Is(err, errUsage) || exitCode(err) != 2 {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(context.Background(), []string{"load", "--listen=nowhere:x"}); err == nil || exitCode(err) != 1 {
		t.Errorf("an address that cannot be: %v", err)
	}
}
