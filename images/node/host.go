package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command is a program and its arguments.
type command []string

// cmd prepares the command in a process group of its own, so that the end of ctx
// ends its children as well.
func (c command) cmd(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c[0], c[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second // then it is killed
	return cmd
}

// output runs the command and returns its trimmed standard output.
func output(ctx context.Context, c command) (string, error) {
	var stdout bytes.Buffer
	cmd := c.cmd(ctx)
	cmd.Stdout = &stdout
	err := quietly(cmd)
	return strings.TrimSpace(stdout.String()), err
}

// quietly runs the command; only where it fails its last words are shown.
func quietly(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w%s", strings.Join(cmd.Args, " "), err, tail(said.String(), 20))
	}
	return nil
}

// tail is the last n lines of a command's output, on lines of their own.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if text = strings.Join(lines[max(0, len(lines)-n):], "\n  "); text == "" {
		return ""
	}
	return "\n  " + text
}

// attempts and firstPause bound how long a download is tried: networks hiccup, but a
// refusal stays one.
const (
	attempts   = 4
	firstPause = 3 * time.Second
)

// retry calls a download until it succeeds, waiting longer each time.
func retry(ctx context.Context, what string, f func() error) error {
	var err error
	for i := range attempts {
		if err = f(); err == nil || ctx.Err() != nil {
			break
		}
		fmt.Fprintf(os.Stderr, "%s failed, attempt %d of %d\n", what, i+1, attempts)
		select {
		case <-time.After(firstPause << i):
		case <-ctx.Done():
		}
	}
	if err != nil {
		return hinted(fmt.Errorf("%s: %w", what, err), "check the network and the proxy settings (go env GOPROXY), then run it again: finished parts are kept")
	}
	return nil
}

// buildPackages is what the build needs from Debian on this machine.
var buildPackages = []string{"debootstrap", "gcc", "libc6-dev", "libseccomp-dev", "pkg-config"}

// prepareHost checks that the machine can build the image, and installs the
// tools that it lacks.
func prepareHost(ctx context.Context) error {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !strings.Contains("\n"+string(release), "\nID=debian\n") {
		return hinted(errors.New("the node image is built on Debian only"), "build it on a Debian machine or in a privileged Debian container, then carry it over with 'docker save' and 'docker load'")
	}
	if os.Geteuid() != 0 {
		return hinted(errors.New("building the node image needs root, for debootstrap"), "run it as root: sudo -E go run ./images/node")
	}
	missing := missingPackages(ctx)
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintln(os.Stderr, "installing", strings.Join(missing, " "))
	return install(ctx, missing)
}

func missingPackages(ctx context.Context) []string {
	var missing []string
	for _, p := range buildPackages {
		status, err := output(ctx, command{"dpkg-query", "-W", "-f", "${Status}", p})
		if err != nil || status != "install ok installed" {
			missing = append(missing, p)
		}
	}
	return missing
}

func install(ctx context.Context, packages []string) error {
	apt := command{"apt-get", "-o", "DPkg::Lock::Timeout=120", "-y", "--no-install-recommends"}
	return retry(ctx, "installing Debian packages", func() error {
		if err := quietly(append(apt, "update").cmd(ctx)); err != nil {
			return err
		}
		cmd := append(append(apt, "install"), packages...).cmd(ctx)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		return quietly(cmd)
	})
}
