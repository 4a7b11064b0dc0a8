package kind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

const hintDocker = "start Docker, or run hack/docker-up on a Debian machine"

// docker runs the Docker command line, which knows the user's context and
// credentials, and returns its standard output.
func docker(ctx context.Context, args ...string) ([]byte, error) {
	return dockerWith(ctx, nil, args...)
}

// dockerWith is docker with a standard input.
func dockerWith(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	apart(cmd)
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("docker %s: %w", args[0], ctx.Err())
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, seatrial.Fail(seatrial.Infrastructure, errors.New("there is no docker command"), hintDocker)
	}
	if err != nil {
		return nil, fmt.Errorf("docker %s: %w: %s", args[0], err, firstLine(stderr.String()))
	}
	return stdout.Bytes(), nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// daemon is what the Docker daemon says of itself and of its host.
type daemon struct {
	ServerVersion string
	CgroupVersion string // "1" or "2"
	NCPU          int
	MemTotal      int64 // bytes
	ServerErrors  []string
}

// askDaemon fails when no daemon answers.
func askDaemon(ctx context.Context) (daemon, error) {
	var d daemon
	out, err := docker(ctx, "info", "--format", "{{json .}}")
	if err == nil {
		err = json.Unmarshal(out, &d)
	}
	if err == nil && len(d.ServerErrors) > 0 {
		err = errors.New(d.ServerErrors[0])
	}
	if err != nil && ctx.Err() == nil {
		return d, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("asking the Docker daemon: %w", err), hintDocker)
	}
	return d, err
}

// container is one container of Docker, in the fields of its inspection.
type container struct {
	ID      string `json:"Id"`
	Name    string
	Created time.Time
	Image   string // the image's id
	State   struct {
		Status  string // created, running, paused, restarting, exited, dead
		Running bool   // also while it is paused
		Paused  bool
		Pid     int
	}
	Config struct {
		Image  string // as it was named
		Labels map[string]string
	}
	HostConfig struct {
		NanoCpus  int64 // of a limit in cores, in billionths; or else
		CpuQuota  int64 // in microseconds of
		CpuPeriod int64
		Memory    int64 // bytes
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

// labelRole is on every node container of kind: "control-plane" or "worker".
const labelRole = "io.x-k8s.kind.role"

func (c container) controlPlane() bool { return c.Config.Labels[labelRole] == "control-plane" }

// ip is its IPv4 address on the network that the nodes share.
func (c container) ip() (string, error) {
	for _, n := range c.NetworkSettings.Networks {
		if n.IPAddress != "" {
			return n.IPAddress, nil
		}
	}
	return "", fmt.Errorf("container %s has no IPv4 address", c.name())
}

// name is without the slash that Docker puts before it.
func (c container) name() string { return strings.TrimPrefix(c.Name, "/") }

func (c container) up() bool { return c.State.Running && !c.State.Paused }

// runIn has a shell in a container do a script.
func runIn(ctx context.Context, c container, script string) error {
	_, err := dockerWith(ctx, strings.NewReader(script), "exec", "--interactive", c.ID, "sh", "-s")
	return err
}

// labelKind is on every node container of kind; its value is the cluster.
const labelKind = "io.x-k8s.kind.cluster"

// containers inspects all that match a filter of docker ps.
func containers(ctx context.Context, filter string) ([]container, error) {
	out, err := docker(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", filter)
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	ids := strings.Fields(string(out))
	if len(ids) == 0 {
		return nil, nil
	}
	out, err = docker(ctx, append([]string{"inspect", "--type", "container"}, ids...)...)
	if err != nil {
		return nil, fmt.Errorf("inspecting containers: %w", err)
	}
	var all []container
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("inspecting containers: %w", err)
	}
	return all, nil
}

// nodesOf are the node containers of a cluster by name.
func nodesOf(ctx context.Context, cluster string) (map[string]container, error) {
	all, err := containers(ctx, "label="+labelKind+"="+cluster)
	if err != nil {
		return nil, err
	}
	nodes := make(map[string]container, len(all))
	for _, c := range all {
		nodes[c.name()] = c
	}
	return nodes, nil
}
