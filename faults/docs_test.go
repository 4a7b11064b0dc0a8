package faults_test

import (
	"os"
	"strings"
	"testing"

	"github.com/seatrial/seatrial/faults"
)

// intro is what the pages of the faults have in common.
const intro = `# Faults

Made from the catalog by ` + "`go test ./faults -update`" + `; ` + "`seatrial faults NAME`" + `
prints the same. Every fault is written to the ledger before it acts, proves
itself by an observation that is independent of the injection, and restores the
state that it found. A fault without proof makes its trial *invalid*.

## What "frozen" means

| | ` + "`sigstop`" + ` | ` + "`cgroup`" + ` | ` + "`blackout`" + ` |
|---|---|---|---|
| what stands still | every process of the node's pods, its kubelet and its runtime | everything on the node | everything on the node |
| its kernel answers TCP, accepts connections into the backlog, forwards | yes | yes | no |
| what it looks like | a hung node | a hung node | a VM that is being moved |
| worst latency of a client, for a freeze of 8 s | a little above 8 s | a little above 8 s | 12 to 14 s: the retransmission back-off (0.2 s, doubling: 0.2, 0.6, 1.4, 3.0, 6.2, 12.6 s) outlasts it |

A freeze shorter than the node monitor's grace period (50 s on Kubernetes 1.37)
leaves no trace in the API: Kubernetes does not react, users do.

## What a lost node looks like

| cause of ` + "`nodeNotReady`" + ` | its pods | who says NotReady | when it is back |
|---|---|---|---|
| ` + "`kubelet`, `partition`" + ` | go on serving | the control plane, when the node's lease has run out: after 40 to 55 s by default | as before |
| ` + "`runtime`" + ` | go on serving; none can start or stop | the kubelet itself | as before |
| ` + "`cpu`" + ` | answer late | nobody, or the control plane: renewing a lease takes milliseconds of CPU | as before |
| ` + "`memory`" + ` | hang, as the whole node does | the control plane, after 40 to 55 s; until then the node's pods stay in rotation | as before |
| ` + "`power`" + ` | do not run | the control plane, after 40 to 55 s; until then the node's pods stay in rotation | everything on it has restarted, in the same pods |

Pods leave the endpoints in the moment in which their node is called NotReady,
also those that serve. Connections that are kept alive go on to them.

`

func TestTheDocsOfTheFaultsAreThoseOfTheCatalog(t *testing.T) {
	var page strings.Builder
	page.WriteString(intro)
	for _, b := range faults.Catalog() {
		page.WriteString("## " + b.Name + "\n\n```\n" + faults.Doc(b) + "```\n\n")
	}
	want := strings.TrimSuffix(page.String(), "\n")
	const path = "../docs/faults.md"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s differs from the catalog (%v); `go test ./faults -update` makes it anew", path, err)
	}
}
