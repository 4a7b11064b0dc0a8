package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/seatrial/seatrial"
)

// Guardian is a process of its own, in a session of its own, that undoes what
// is in force on a cluster when the runner dies without having done so.
type Guardian struct {
	process *exec.Cmd
	alive   io.WriteCloser // its other end is the guardian's standard input
}

// What an executable is told that is started as the guardian. The variable keeps
// a program of somebody else's from taking the word for its own.
const (
	guardianCommand  = "guardian"
	guardianVariable = "SEATRIAL_GUARDIAN=1"
)

// IsGuardian says whether this process, with these arguments, was started by
// [StartGuardian].
func IsGuardian(args []string) bool {
	return len(args) > 1 && args[1] == guardianCommand && slices.Contains(os.Environ(), guardianVariable)
}

// StartGuardian starts an executable as the guardian of the cluster: see
// [IsGuardian]. The guardian's messages go to a log in the ledgers' folder.
func StartGuardian(executable, folder string, ref seatrial.Ref) (*Guardian, error) {
	log, err := os.OpenFile(filepath.Join(folder, ref.Backend+"-"+ref.UID+".guardian.log"),
		os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the guardian's log: %w", err)
	}
	defer log.Close() // the guardian has its own copy
	process := exec.Command(executable, guardianCommand, "--ledgers", folder,
		"--backend", ref.Backend, "--name", ref.Name, "--uid", ref.UID)
	process.Env = append(os.Environ(), guardianVariable)
	process.Stderr = log
	process.Stdout = log
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	alive, err := process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the guardian: %w", err)
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("starting the guardian: %w", err)
	}
	return &Guardian{process: process, alive: alive}, nil
}

// PID is the guardian's process id.
func (g *Guardian) PID() int { return g.process.Process.Pid }

// Release tells the guardian that nothing is in force any more, and waits for
// its end.
func (g *Guardian) Release() error {
	_, err := io.WriteString(g.alive, released)
	if err := errors.Join(err, g.alive.Close(), g.process.Wait()); err != nil {
		return fmt.Errorf("ending the guardian: %w", err)
	}
	return nil
}

// released is what a runner says to the guardian before it leaves in order.
const released = "released"

// Watch is the guardian's side: it returns once the runner is gone, and says
// whether it left without a word. The kernel closes the runner's end however
// the runner dies.
func Watch(alive io.Reader) (died bool, err error) {
	last, err := io.ReadAll(io.LimitReader(alive, 64))
	if err != nil {
		return true, fmt.Errorf("watching the runner: %w", err)
	}
	return string(last) != released, nil
}
