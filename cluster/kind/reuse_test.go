//go:build unix

package kind

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
)

// fakeDocker answers what a look at a kept cluster asks, writes every call down,
// and fails at whatever else. The daemon is away while the file away is there.
const fakeDocker = `#!/bin/sh
cd "$FAKE_DOCKER" || exit 1
echo "$*" >> calls
case "$*" in
info*) [ -e away ] && exit 1; echo '{}' ;;
ps*label=dev.seatrial.cluster=*) ;;
ps*) echo 1 2 3 ;;
inspect*) cat nodes ;;
rm*) ;;
*) echo "no answer to $*" >&2; exit 1 ;;
esac
`

// keptCluster has a cluster of one worker there, in which one node has that
// state, and returns what Docker was told to do since.
func keptCluster(t *testing.T, status string, daemonAway bool) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	node := func(name, status string) string {
		running := map[bool]string{true: "true", false: "false"}[status == "running"]
		return `{"Id": "` + name + `", "Name": "/` + name + `", "State": {"Status": "` + status + `", "Running": ` + running + `}}`
	}
	files := map[string]string{
		"docker": fakeDocker,
		"nodes":  "[" + node("1", "running") + "," + node("2", "running") + "," + node("3", status) + "]",
	}
	if daemonAway {
		files["away"] = ""
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("FAKE_DOCKER", dir)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	return func() string {
		text, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// noAgents cannot make the image that a guardian runs.
type noAgents struct{ seatrial.Agents }

var errNoSource = errors.New("its source was not found from here")

func (noAgents) Image(context.Context) (seatrial.AgentImage, error) {
	return seatrial.AgentImage{}, seatrial.Fail(seatrial.Infrastructure, errNoSource, "take a release")
}

func TestOnlyAClusterThatIsBrokenItselfIsDeleted(t *testing.T) {
	for what, c := range map[string]struct {
		third   string // status of the third node's container
		away    bool   // the daemon, once the nodes were looked at
		deleted bool
		hint    string
	}{
		"the agent cannot be built": {third: "running", hint: "take a release"},
		"Docker has gone away":      {third: "exited", away: true, hint: hintDocker},
		"a node has ended":          {third: "exited", deleted: true},
	} {
		t.Run(what, func(t *testing.T) {
			calls := keptCluster(t, c.third, c.away)
			o := Options{Agents: noAgents{}, Log: t.Logf}
			l := newLink("seatrial-1w-01234567", o)
			l.log = t.Logf
			err := ensure(t.Context(), l.cluster, shape{workers: 1, image: someImage}, o, l)
			var known *seatrial.Error
			if !errors.As(err, &known) || known.Class != seatrial.Infrastructure || known.Hint == "" {
				t.Fatalf("got %v, want a failed infrastructure with a hint", err)
			}
			if c.hint != "" && known.Hint != c.hint {
				t.Errorf("hint %q, want %q", known.Hint, c.hint)
			}
			for _, word := range []string{"rm ", "stop ", "kill "} {
				if deleted := strings.Contains("\n"+calls(), "\n"+word); deleted && !c.deleted {
					t.Errorf("the cluster was touched:\n%s", calls())
				}
			}
			if c.deleted && !strings.Contains("\n"+calls(), "\nrm ") {
				t.Errorf("the cluster was not deleted:\n%s", calls())
			}
		})
	}
}
