package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// Labels of a guardian's container.
const (
	labelCluster = "dev.seatrial.cluster" // the cluster that it watches
	labelImage   = "dev.seatrial.image"   // hash of the image it runs
)

func guardianName(cluster string) string { return cluster + "-guardian" }

// link is the connection to the guardian of one cluster. It dials when it is
// first used, and again when it broke.
type link struct {
	cluster string
	agents  seatrial.Agents // for the guardian's image; nil: it has to be running
	keep    bool            // a guardian of another release is good enough
	log     func(format string, args ...any)

	mu     sync.Mutex
	client *guardian.Client
	hello  guardian.Hello
}

// answerTimeout is the most that an answer may take; the guardian needs
// milliseconds. Docker can leave the connection to a container that crashed
// hanging for ever.
const answerTimeout = 5 * time.Second

// ask runs f with a connection, and again with a new one where that broke or
// fell silent: every operation may be repeated.
func (l *link) ask(ctx context.Context, f func(context.Context, *guardian.Client) error) error {
	return l.askFor(ctx, answerTimeout, f)
}

// askFor is ask for what takes the guardian longer.
func (l *link) askFor(ctx context.Context, limit time.Duration, f func(context.Context, *guardian.Client) error) error {
	var err error
	for range 3 {
		var c *guardian.Client
		if c, err = l.connect(ctx); err != nil {
			return err
		}
		var silent bool
		if silent, err = bounded(ctx, limit, c, f); silent {
			l.log("the guardian of %s did not answer in %v: dialling again", l.cluster, limit)
			l.discard(c)
		} else if !errors.Is(err, guardian.ErrBroken) {
			return err
		}
	}
	return err
}

// bounded also tells whether the answer did not come in time.
func bounded(ctx context.Context, limit time.Duration, c *guardian.Client, f func(context.Context, *guardian.Client) error) (silent bool, err error) {
	answer, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = f(answer, c)
	return err != nil && answer.Err() != nil && ctx.Err() == nil, err
}

// discard drops c unless another caller has done so.
func (l *link) discard(c *guardian.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != c {
		return
	}
	if err := l.drop(); err != nil {
		l.log("ending the connection to the guardian: %v", err)
	}
}

func (l *link) connect(ctx context.Context) (*guardian.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil && l.client.Broken() == nil {
		return l.client, nil
	}
	if err := l.drop(); err != nil {
		l.log("the connection to the guardian of %s broke: %v", l.cluster, err)
	}
	if err := l.ensure(ctx); err != nil {
		return nil, err
	}
	client, hello, err := dial(ctx, l.cluster)
	if err != nil {
		return nil, seatrial.Fail(seatrial.Infrastructure, err,
			"`docker logs "+guardianName(l.cluster)+"` may say why; `docker rm -f` it and run `seatrial recover`")
	}
	l.client, l.hello = client, hello
	return client, nil
}

// drop ends the connection; its mutex is held.
func (l *link) drop() error {
	if l.client == nil {
		return nil
	}
	err := l.client.Close()
	l.client = nil
	return err
}

func (l *link) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.drop()
}

// noBlackout says why the nodes' packets cannot be dropped; empty where they
// can, or where no guardian was asked yet.
func (l *link) noBlackout() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hello.NoBlackout
}

// ensure has the guardian's container run. One of another release is replaced
// unless it has something in force, or the caller came to undo.
func (l *link) ensure(ctx context.Context) error {
	c, found, err := guardianOf(ctx, l.cluster)
	if err != nil || found && c.up() && (l.keep || l.agents == nil) {
		return err
	}
	if l.agents == nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("the guardian of cluster %s is gone", l.cluster),
			"run `seatrial recover`, which starts another one")
	}
	image, err := l.agents.Image(ctx)
	if err != nil {
		return fmt.Errorf("making the guardian's image: %w", err)
	}
	if found && c.up() {
		if c.Config.Labels[labelImage] == image.Hash || busy(ctx, l.cluster) {
			return nil
		}
	}
	if found {
		if err := removeGuardian(ctx, l.cluster); err != nil {
			return err
		}
	}
	return startGuardian(ctx, l.cluster, image)
}

// busy: the running guardian says that it has something in force.
func busy(ctx context.Context, cluster string) bool {
	c, _, err := dial(ctx, cluster)
	if err != nil {
		return false // it speaks another version, or is dying
	}
	active, err := c.List(ctx)
	return errors.Join(err, c.Close()) == nil && len(active) > 0
}

// guardianOf finds the guardian's container; false when there is none.
func guardianOf(ctx context.Context, cluster string) (container, bool, error) {
	all, err := containers(ctx, "label="+labelCluster+"="+cluster)
	if err != nil || len(all) == 0 {
		return container{}, false, err
	}
	return all[0], true, nil
}

func removeGuardian(ctx context.Context, cluster string) error {
	c, found, err := guardianOf(ctx, cluster)
	if err != nil || !found {
		return err
	}
	// A stop first: it undoes what is in force.
	if c.up() {
		if _, err := docker(ctx, "stop", c.ID); err != nil {
			return fmt.Errorf("stopping the guardian of %s: %w", cluster, err)
		}
	}
	if _, err := docker(ctx, "rm", "--force", c.ID); err != nil {
		return fmt.Errorf("removing the guardian of %s: %w", cluster, err)
	}
	return nil
}

// startGuardian runs the container beside the nodes. It shares the host's
// processes and sees the host's cgroups; it has no network. Where it crashes,
// Docker starts it again and it takes over what it had in force.
func startGuardian(ctx context.Context, cluster string, image seatrial.AgentImage) error {
	tag, err := dockerHas(ctx, image)
	if err != nil {
		return err
	}
	_, err = docker(ctx, "run", "--detach", "--name", guardianName(cluster),
		"--label", labelCluster+"="+cluster, "--label", labelImage+"="+image.Hash,
		"--restart=on-failure:5", "--privileged", "--pid=host", "--cgroupns=host", "--network=none", "--user=0",
		"--volume=/sys/fs/cgroup:"+guardian.HostCgroups,
		"--entrypoint=/seatrial-agent", tag, "guardian", "serve")
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("starting the guardian of %s: %w", cluster, err),
			"Docker must allow privileged containers")
	}
	return nil
}

// dockerHas loads the image into Docker itself, tagged by content.
func dockerHas(ctx context.Context, image seatrial.AgentImage) (string, error) {
	tag := "seatrial.dev/guardian:" + tagOf(image.Hash)
	id, err := imageID(ctx, tag)
	if err != nil || id != "" {
		return tag, err
	}
	if _, err := docker(ctx, "load", "--quiet", "--input", image.Archive); err != nil {
		return "", fmt.Errorf("loading the guardian's image: %w", err)
	}
	if _, err := docker(ctx, "tag", image.Name, tag); err != nil {
		return "", fmt.Errorf("naming the guardian's image: %w", err)
	}
	return tag, nil
}

// tagOf makes a hash, which may be "sha256:…", fit for a tag.
func tagOf(hash string) string {
	tag := strings.ReplaceAll(hash, ":", "-")
	return tag[:min(len(tag), 40)]
}

// dialTimeout is for the docker command and a guardian that is starting.
const dialTimeout = 20 * time.Second

// dial comes in through docker exec, which reaches the container wherever
// Docker runs.
func dial(ctx context.Context, cluster string) (*guardian.Client, guardian.Hello, error) {
	p, err := startPipe("exec", "--interactive", guardianName(cluster), "/seatrial-agent", "guardian", "dial")
	if err != nil {
		return nil, guardian.Hello{}, fmt.Errorf("reaching the guardian of %s: %w", cluster, err)
	}
	client := guardian.NewClient(p)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	hello, err := client.Hello(ctx)
	if err == nil && hello.Version != guardian.Version {
		err = fmt.Errorf("it speaks version %d, not %d", hello.Version, guardian.Version)
	}
	if err != nil {
		return nil, hello, errors.Join(fmt.Errorf("reaching the guardian of %s: %w", cluster, err), client.Close())
	}
	return client, hello, nil
}

// pipe is a docker command that runs as long as it is open.
type pipe struct {
	io.WriteCloser // its standard input
	out            *os.File
	cmd            *exec.Cmd
}

func startPipe(args ...string) (*pipe, error) {
	cmd := exec.Command("docker", args...)
	apart(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("docker %s: %w", args[0], err)
	}
	out, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("docker %s: %w", args[0], err)
	}
	defer w.Close()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("docker %s: %w", args[0], err), out.Close())
	}
	return &pipe{in, out, cmd}, nil
}

func (p *pipe) Read(b []byte) (int, error) { return p.out.Read(b) }

// linger is how long a docker command may take to end after its input did.
const linger = 2 * time.Second

// Close ends the command: by the end of its input, or by a kill when what it
// runs is frozen. How it ended says nothing then.
func (p *pipe) Close() error {
	err := p.WriteCloser.Close()
	kill := time.AfterFunc(linger, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	var exit *exec.ExitError
	if waited := p.cmd.Wait(); !errors.As(waited, &exit) {
		err = errors.Join(err, waited)
	}
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	return errors.Join(err, p.out.Close())
}
