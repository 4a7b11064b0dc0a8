package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
)

// ordeal is a scenario of one fault, as its documentation has it, on a cluster
// that has something of everything.
func ordeal(t *testing.T, b seatrial.Builtin) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"ordeal.yaml", "ordeal-workload.yaml"} {
		text, err := os.ReadFile(filepath.Join(e2eDir(t), "testdata", "e2e", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "ordeal.yaml" {
			text = append(text, "  "+strings.ReplaceAll(strings.TrimSpace(b.Example), "\n", "\n  ")+"\n"...)
		}
		write(t, filepath.Join(dir, name), text)
	}
	return filepath.Join(dir, "ordeal.yaml")
}

// After every fault, also after an interruption in the middle, the cluster is
// as before, by kubectl, docker and /proc alone.
func TestAllFaultsOfTheCatalogLeaveAClusterOfKindAsItWas(t *testing.T) {
	e := wholeE2E(t)
	for _, b := range faults.Catalog() {
		if b.Name == "clusterLoss" { // the load agents are in the cluster
			t.Run(b.Name, func(t *testing.T) {
				if r := e.run(t, "run", "--on", "kind", "--out", e.runs, ordeal(t, b)); r.code != 2 || !strings.Contains(r.stderr, "the load agents run on node") {
					t.Errorf("exit code %d, want 2 and why:\n%s", r.code, r.stderr)
				}
				wantAllWell(t)
			})
			continue
		}
		for _, interrupted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/interrupted=%t", b.Name, interrupted), func(t *testing.T) {
				e := &e2e{binary: e.binary, runs: filepath.Join(t.TempDir(), "runs")}
				c, _, messages := e.start(t, "run", "--on", "kind", "--keep", "--out", e.runs, ordeal(t, b))
				t.Cleanup(func() { heal(c) })
				cluster := await(t, messages, `cluster (\S+): resetting, deploying`, 10*time.Minute)
				await(t, messages, `(load begins)`, 5*time.Minute)
				before := look(t, cluster)
				if interrupted {
					e.awaitInjection(t)
					if err := c.Process.Signal(os.Interrupt); err != nil {
						t.Fatal(err)
					}
				}
				c.Wait() // its exit code is what counts
				want := map[bool]int{false: 0, true: 130}[interrupted]
				if code := c.ProcessState.ExitCode(); code != want {
					t.Errorf("exit code %d, want %d:\n%s", code, want, messages)
				}
				wantAllWell(t)
				wantAsBefore(t, cluster, before)
			})
		}
	}
}

// heal ends a command that a failed test has left running.
func heal(c *exec.Cmd) {
	if c.ProcessState == nil {
		c.Process.Signal(os.Interrupt) // gone already: as good
		c.Wait()
	}
}

// awaitInjection waits until the journal says that the fault is in force.
func (e *e2e) awaitInjection(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		journals, err := filepath.Glob(filepath.Join(e.runs, "*", "*", "*", "journal.jsonl"))
		if err != nil || len(journals) != 1 {
			continue
		}
		text, err := os.ReadFile(journals[0])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"step":"`+string(seatrial.Injected)+`"`) {
			return
		}
	}
	t.Fatal("the fault was not injected within 3 minutes")
}

// wantAsBefore waits until the cluster is as before: what has restarted takes
// its time to be Ready.
func wantAsBefore(t *testing.T, cluster string, before map[string]string) {
	t.Helper()
	var differ error
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		var errs []error
		after := look(t, cluster)
		for _, what := range slices.Sorted(maps.Keys(before)) {
			if after[what] != before[what] {
				errs = append(errs, fmt.Errorf("%s: %q, and %q before", what, after[what], before[what]))
			}
		}
		if len(after) != len(before) {
			errs = append(errs, fmt.Errorf("there are %d things, and %d before", len(after), len(before)))
		}
		if differ = errors.Join(errs...); differ == nil {
			return
		}
	}
	t.Error(differ)
}

// look is everything of a cluster that a fault may change; placement, UIDs and
// restarts excepted.
func look(t *testing.T, cluster string) map[string]string {
	t.Helper()
	state := map[string]string{}
	containers := map[string]int{}
	for _, line := range strings.Split(docker(t, "ps", "--all", "--filter", "label=io.x-k8s.kind.cluster="+cluster, "--format", "{{.Names}} {{.State}}"), "\n") {
		name, run, _ := strings.Cut(line, " ")
		containers[run]++
		if run == "running" {
			state["inside "+name] = docker(t, "exec", name, "bash", "-c", insideANode)
			state["rules of "+name] = rules(t, name)
		}
	}
	state["node containers"] = fmt.Sprint(containers)
	objects(t, cluster, state)
	return state
}

// insideANode prints the running services, the limit of CPU, what is frozen,
// the network plugins, and what was mounted over a pod's volumes.
const insideANode = `systemctl list-units --type=service --state=running --plain --no-legend | cut -d' ' -f1 | sort
cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null
grep -rlsx FROZEN /sys/fs/cgroup/freezer --include=freezer.state
grep -rls 'frozen 1' /sys/fs/cgroup --include=cgroup.events
sha256sum /opt/cni/bin/* /etc/cni/net.d/* | cut -c1-16 | sort
grep -cE '^[^ ]+ /var/lib/kubelet/[^ ]+ tmpfs ro' /proc/mounts; true`

// rules are the tables of packet filters in the node's network namespace that
// are seatrial's.
func rules(t *testing.T, node string) string {
	t.Helper()
	pid := docker(t, "inspect", "--format", "{{.State.Pid}}", node)
	out, err := exec.Command("nsenter", "--target", pid, "--net", "nft", "list", "tables").CombinedOutput()
	if err != nil {
		t.Fatalf("listing the packet filters of %s: %v\n%s", node, err, out)
	}
	var ours []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "seatrial") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "")
}

// object is what the test reads of nodes, pods and their controllers.
type object struct {
	Kind     string
	Metadata struct {
		Namespace, Name   string
		Labels            map[string]string
		DeletionTimestamp string
	}
	Spec struct {
		Replicas      int
		Unschedulable bool
		Taints        []struct{ Key, Value, Effect string }
	}
	Status struct {
		Phase         string
		ReadyReplicas int
		NumberReady   int
		Conditions    []struct{ Type, Status string }
	}
}

func (o object) ready() string {
	for _, c := range o.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status
		}
	}
	return ""
}

// renewed is what the name of a node ends in that has taken another's place.
var renewed = regexp.MustCompile(`-new\d+`)

func objects(t *testing.T, cluster string, state map[string]string) {
	t.Helper()
	out := docker(t, "exec", cluster+"-control-plane", "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf",
		"get", "nodes,deployments,statefulsets,daemonsets,pods", "--all-namespaces", "--output=json")
	var list struct{ Items []object }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	pods := map[string]int{}
	for _, o := range list.Items {
		switch {
		case o.Kind == "Node":
			delete(o.Metadata.Labels, "node.seatrial.dev/version") // an upgrade is meant to change it
			state["node "+o.Metadata.Name] = renewed.ReplaceAllString(fmt.Sprint(o.ready(), o.Spec.Unschedulable, o.Spec.Taints, o.Metadata.Labels), "")
		case o.Metadata.Namespace != "default" && o.Metadata.Namespace != "kube-system":
		case o.Kind == "Pod":
			app := o.Metadata.Labels["app"] + o.Metadata.Labels["k8s-app"] + o.Metadata.Labels["component"]
			pods[fmt.Sprint(app, " ", o.Status.Phase, " ready=", o.ready(), " deleted=", o.Metadata.DeletionTimestamp != "")]++
		default:
			state[o.Kind+" "+o.Metadata.Name] = fmt.Sprint(o.Spec.Replicas, o.Status.ReadyReplicas, o.Status.NumberReady)
		}
	}
	state["pods"] = fmt.Sprint(pods)
}
