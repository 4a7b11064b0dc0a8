package seatrial_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/seatrial/seatrial"

// floors orders the packages: a package may import those of lower floors only,
// never its neighbours. The longest prefix of a package's path counts.
var floors = []struct {
	prefix string
	floor  int
	reason string
}{
	{"", 0, "the words: everything speaks them, so they know nothing else"},
	{"load/plan", 1, "pure pacing, shared by the agent and the simulator"},
	{"load/app", 1, "the sample application's flags, which the simulator reads too"},
	{"cluster/sim/internal/virtual", 1, "virtual time knows no cluster"},
	{"internal/state", 1, "where what outlives a run is kept: it knows no run"},
	{"internal/fixture", 1, "files and output, for tests: it knows no test"},
	{"journal", 1, "the record that writers and reports share"},
	{"load/tally", 2, "counts what agents and the simulator send, in the journal's histograms"},
	{"cluster/sim/internal/world", 2, "the simulated cluster knows no traffic"},
	{"load/policy", 3, "pure decisions about failures, shared by the agent and the simulator"},
	{"cluster/sim/internal/network", 4, "the simulated traffic knows the cluster that it runs through"},
	{"schema", 1, "a file, made by the tests of scenarios"},
	{"scenarios", 5, "decoding knows no backend"},
	{"faults", 5, "faults ask for actions and know no backend"},
	{"load", 5, "the load engine runs in a pod and knows no cluster"},
	{"report/statistics", 1, "numbers in, numbers out: it knows no trial"},
	{"internal/browser", 1, "asks a browser about a page, for tests: it knows no report"},
	{"report", 5, "a report is a fold over a journal and knows no runner"},
	{"cluster/kube", 5, "a backend gets agents handed in and knows no load"},
	{"cluster/kind", 5, "as kube"},
	{"cluster/sim", 5, "as kube"},
	{"images/static", 3, "an image of one binary, whatever it is"},
	{"images", 5, "how images are made; handed to the backends"},
	{"runner", 6, "drives any backend through the words"},
	{"backend", 7, "what the entry points share"},
	{"seatrialtest", 8, "an entry point"},
	{"cmd", 8, "an entry point"},
	{"hack", 8, "an entry point for developers"},
}

// exceptions are imports between neighbours, each with its reason.
var exceptions = map[string]string{
	"cluster/kind -> cluster/kube":                          "a kind cluster is a cluster reached through client-go, and more",
	"cluster/kind -> cluster/kind/guardian":                 "the client's side of the guardian container",
	"seatrialtest/e2e -> seatrialtest":                      "the same for suites of a framework that brings many packages along",
	"cmd/seatrial-agent -> cmd/seatrial-agent/internal/app": "the command's own part",
}

func TestImportsGoDownTheFloors(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			from, to := local(p.ImportPath), local(imported)
			if _, fine := exceptions[from+" -> "+to]; fine || from == to {
				continue
			}
			above, below := floorOf(t, from), floorOf(t, to)
			if below.floor >= above.floor {
				t.Errorf("%s imports %s, which is not on a lower floor: %s", from, to, above.reason)
			}
		}
	}
}

func TestTheWordsImportTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module {
			continue
		}
		for _, imported := range p.Imports {
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				t.Errorf("the root package imports %s", imported)
			}
		}
	}
}

func TestOnlySeatrialtestImportsTesting(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if imported == "testing" && !strings.HasPrefix(local(p.ImportPath)+"/", "seatrialtest/") {
				t.Errorf("%s imports testing outside its tests", p.ImportPath)
			}
		}
	}
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// packages asks the go command, so that build tags count as they do in a build.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("reading the list of packages: %v", err)
		}
		all = append(all, p)
	}
}

func local(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

func floorOf(t *testing.T, path string) (found struct {
	prefix string
	floor  int
	reason string
}) {
	t.Helper()
	best := -1
	for _, f := range floors {
		if (f.prefix == "" && path == "" || f.prefix != "" && (path == f.prefix || strings.HasPrefix(path, f.prefix+"/"))) && len(f.prefix) > best {
			found, best = f, len(f.prefix)
		}
	}
	if best < 0 {
		t.Errorf("package %s has no floor: add it to the table, with a reason", path)
	}
	return found
}
