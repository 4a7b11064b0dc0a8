package kind

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

var update = flag.Bool("update", false, "write the golden files anew")

var someImage = nodeImage{name: "seatrial/node:v1.37.1", id: "sha256:1111"}

func nameOf(t *testing.T, s shape, nth int) string {
	t.Helper()
	name, err := s.name(nth)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAConfigurationAdaptsToItsHostOnly(t *testing.T) {
	for golden, a := range map[string]adaptation{
		"usual.yaml":           {},
		"cgroup-v1.yaml":       {CgroupV1: true},
		"no-sys-resource.yaml": {NoSysResource: true},
	} {
		t.Run(golden, func(t *testing.T) {
			got, err := shapeOf(seatrial.ClusterSpec{Workers: 2}, someImage, a).config()
			if err != nil {
				t.Fatal(err)
			}
			isGolden(t, golden, got)
		})
	}
}

func TestANameSaysTheWholeShape(t *testing.T) {
	base := shapeOf(seatrial.ClusterSpec{}, someImage, adaptation{})
	if base.workers != DefaultWorkers || base.nodes() != DefaultWorkers+2 {
		t.Errorf("the default shape is %+v", base)
	}
	seen := map[string]string{nameOf(t, base, 1): "default"}
	for what, other := range map[string]shape{
		"more workers":      shapeOf(seatrial.ClusterSpec{Workers: 4}, someImage, adaptation{}),
		"another image":     shapeOf(seatrial.ClusterSpec{}, nodeImage{someImage.name, "sha256:2222"}, adaptation{}),
		"another host":      shapeOf(seatrial.ClusterSpec{}, someImage, adaptation{CgroupV1: true}),
		"nodes of a size":   shapeOf(seatrial.ClusterSpec{Node: seatrial.NodeSize{CPU: 1000}}, someImage, adaptation{hostCores: 2}),
		"more CPU":          shapeOf(seatrial.ClusterSpec{Node: seatrial.NodeSize{CPU: 1500}}, someImage, adaptation{hostCores: 2}),
		"the same, limited": shapeOf(seatrial.ClusterSpec{Node: seatrial.NodeSize{CPU: 1500}}, someImage, adaptation{hostCores: 1}),
		"memory":            shapeOf(seatrial.ClusterSpec{Node: seatrial.NodeSize{Memory: 1 << 30}}, someImage, adaptation{hostCores: 2}),
		"another timing":    shapeOf(seatrial.ClusterSpec{Timings: seatrial.Timings{NodeMonitorPeriod: time.Second}}, someImage, adaptation{}),
		"spare nodes":       shapeOf(seatrial.ClusterSpec{Spares: 1}, someImage, adaptation{}),
	} {
		name := nameOf(t, other, 1)
		if with, taken := seen[name]; taken {
			t.Errorf("%s has the name of %s: %s", what, with, name)
		}
		seen[name] = what
	}
	same := seatrial.ClusterSpec{Workers: 3, Timings: seatrial.DefaultTimings()}
	if again := nameOf(t, shapeOf(same, someImage, adaptation{hostCores: 8}), 1); seen[again] != "default" {
		t.Errorf("the same shape has another name: %s", again)
	}
	if second := nameOf(t, base, 2); second != nameOf(t, base, 1)+"-2" {
		t.Errorf("the second of a shape is named %s", second)
	}
}

func TestOnlySeatrialsOwnClustersAreKnown(t *testing.T) {
	for name, want := range map[string][2]int{
		nameOf(t, shapeOf(seatrial.ClusterSpec{Workers: 12}, someImage, adaptation{}), 1): {12},
		nameOf(t, shapeOf(seatrial.ClusterSpec{Spares: 2}, someImage, adaptation{}), 2):   {3, 2},
		"kind": {}, "seatrial": {}, "seatrial-dev": {}, "my-seatrial-3w-01234567": {}, "seatrial-3w-0123456z": {},
	} {
		workers, spares, known := sizeOf(name)
		if got := [2]int{workers, spares}; got != want || known != (workers > 0) {
			t.Errorf("%s: %d workers and spares, known %v, want %d", name, got, known, want)
		}
	}
}

func TestAForeignClusterIsNotDeleted(t *testing.T) {
	var failure *seatrial.Error
	if err := Delete(t.Context(), "kind"); !errors.As(err, &failure) || failure.Class != seatrial.BadInput || failure.Hint == "" {
		t.Errorf("got %v", err)
	}
}

func TestAMissingCapabilityIsReadFromTheBoundingSet(t *testing.T) {
	for status, want := range map[string]bool{
		"Name:\tx\nCapPrm:\t0000000000000000\nCapBnd:\t000001ffffffffff\n": false,
		"CapBnd:\t000001fffeffffff\n":                                      true,
		"CapBnd:\tnonsense\n":                                              false,
		"":                                                                 false,
	} {
		if got := lacks(status, capSysResource); got != want {
			t.Errorf("%q: lacks CAP_SYS_RESOURCE: %v, want %v", status, got, want)
		}
	}
}

func TestAClusterIsUsedByOneProcessAtATime(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	first, err := grab("c")
	if err != nil {
		t.Fatal(err)
	}
	_, err = claim(t.Context(), "c")
	var known *seatrial.Error
	if !errors.Is(err, ErrInUse) || !errors.As(err, &known) || known.Class != seatrial.Infrastructure || known.Hint == "" {
		t.Errorf("a second trial: %v", err)
	}
	if want := fmt.Sprintf("process %d on ", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a second trial is told %v, want the holder", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	second, err := claim(t.Context(), "c")
	if err != nil {
		t.Fatalf("once it is free: %v", err)
	}
	if err := second.release(); err != nil {
		t.Fatal(err)
	}
}

// Who looks at a cluster holds its lock for a moment.
func TestATrialWaitsForThoseWhoOnlyLook(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	look, err := grab("c")
	if err != nil {
		t.Fatal(err)
	}
	released := make(chan error, 1)
	time.AfterFunc(lookPatience/10, func() { released <- look.release() })
	l, err := claim(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-released, l.release()); err != nil {
		t.Error(err)
	}
}

func TestWhatDockerAwayLooksLike(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	_, opened := Open(t.Context(), seatrial.Spec{}, Options{})
	_, attached := Attach(t.Context(), "seatrial-3w-00000000", Options{})
	_, listed := List(t.Context())
	for what, err := range map[string]error{"open": opened, "attach": attached, "list": listed} {
		var failure *seatrial.Error
		if !errors.As(err, &failure) || failure.Class != seatrial.Infrastructure || !strings.Contains(failure.Hint, "docker-up") {
			t.Errorf("%s: %v", what, err)
		}
		if errors.Is(err, ErrGone) {
			t.Errorf("%s: takes Docker away for a cluster that is gone", what)
		}
	}
}

func TestAnActionIsSupportedWithSenseOnly(t *testing.T) {
	for name, c := range map[string]struct {
		a  seatrial.Action
		ok bool
	}{
		"sigstop":             {seatrial.Freeze{Node: "n", Mode: seatrial.Sigstop, Expires: time.Second}, true},
		"cgroup":              {seatrial.Freeze{Node: "n", Mode: seatrial.Cgroup, Expires: time.Second}, true},
		"blackout":            {seatrial.Freeze{Node: "n", Mode: seatrial.Blackout, Expires: time.Second}, true},
		"throttle":            {seatrial.Throttle{Node: "n", CPUs: 0.1, Expires: time.Second}, true},
		"no end":              {seatrial.Freeze{Node: "n", Mode: seatrial.Sigstop}, false},
		"no node":             {seatrial.Freeze{Mode: seatrial.Sigstop, Expires: time.Second}, false},
		"no such mode":        {seatrial.Freeze{Node: "n", Mode: "hibernate", Expires: time.Second}, false},
		"throttle to nothing": {seatrial.Throttle{Node: "n", Expires: time.Second}, false},
		"kubelet":             {seatrial.StopKubelet{Node: "n", Expires: time.Second}, true},
		"runtime":             {seatrial.StopRuntime{Node: "n", Expires: time.Second}, true},
		"partition":           {seatrial.Partition{Node: "n", Expires: time.Second}, true},
		"power":               {seatrial.PowerOff{Node: "n", Expires: time.Second}, true},
		"control plane":       {seatrial.StopControlPlane{Expires: time.Second}, true},
		"DNS":                 {seatrial.DNSDown{Expires: time.Second}, true},
		"DNS pod":             {seatrial.DNSTerminated{Pod: "p", Expires: time.Second}, true},
		"cordon":              {seatrial.Cordon{Node: "n"}, true},
		"new node":            {seatrial.AddNode{Name: "m", Like: "n", Version: "v1.37.2"}, true},
		"no version":          {seatrial.AddNode{Name: "m", Like: "n"}, false},
		"removal":             {seatrial.RemoveNode{Name: "n"}, true},
		"removal of nobody":   {seatrial.RemoveNode{Successor: "n"}, false},
		"kubelet of nobody":   {seatrial.StopKubelet{Expires: time.Second}, false},
		"kubelet for ever":    {seatrial.StopKubelet{Node: "n"}, false},
		"no DNS for ever":     {seatrial.DNSDown{}, false},
		"DNS pod of no name":  {seatrial.DNSTerminated{Expires: time.Second}, false},
	} {
		if err := (&Cluster{link: &link{}}).Supports(c.a); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFreezeIsProvenByProcessesAndHeartbeatTogether(t *testing.T) {
	all := guardian.State{Processes: 3, Stopped: []int{1, 2, 3}, Freezer: "THAWED"}
	some := guardian.State{Processes: 3, Stopped: []int{1, 2}, Awake: []string{"3 kubelet R"}, Freezer: "THAWED"}
	frozen := guardian.State{Processes: 3, Freezer: "FROZEN"}
	freezing := guardian.State{Processes: 3, Freezer: "FREEZING"}
	cut := guardian.State{Processes: 3, Freezer: "FROZEN", Rules: 2, Table: true}
	for name, c := range map[string]struct {
		mode   seatrial.FreezeMode
		state  guardian.State
		silent time.Duration
		want   bool
	}{
		"all stopped and silent":        {seatrial.Sigstop, all, silence, true},
		"all stopped, a beat just now":  {seatrial.Sigstop, all, beat, false},
		"one runs":                      {seatrial.Sigstop, some, silence, false},
		"no process at all":             {seatrial.Sigstop, guardian.State{Freezer: "THAWED"}, silence, false},
		"frozen and silent":             {seatrial.Cgroup, frozen, silence, true},
		"freezing still":                {seatrial.Cgroup, freezing, silence, false},
		"frozen, a beat just now":       {seatrial.Cgroup, frozen, 0, false},
		"cut off, frozen and silent":    {seatrial.Blackout, cut, silence, true},
		"frozen without the drop rules": {seatrial.Blackout, frozen, silence, false},
	} {
		if err := unfrozen(c.state, c.mode, c.silent); (err == nil) != c.want {
			t.Errorf("%s: %v, want proven %v", name, err, c.want)
		}
	}
}

func TestAThrottleIsProvenByPeriodsWithoutQuota(t *testing.T) {
	found := guardian.Prior{Quota: "-1"}
	for name, c := range map[string]struct {
		state guardian.State
		want  bool
	}{
		"throttled":              {guardian.State{Quota: "20000", Throttled: 8}, true},
		"idle":                   {guardian.State{Quota: "20000", Throttled: 7}, false},
		"the quota is as it was": {guardian.State{Quota: "-1", Throttled: 8}, false},
	} {
		if err := unthrottled(c.state, found, 7); (err == nil) != c.want {
			t.Errorf("%s: %v, want proven %v", name, err, c.want)
		}
	}
}

func TestWhatIsLeftIsWhatWasNotFoundBefore(t *testing.T) {
	healthy := guardian.State{Processes: 9, Freezer: "THAWED", Quota: "-1"}
	change := func(f func(*guardian.State)) guardian.State {
		s := healthy
		f(&s)
		return s
	}
	for name, c := range map[string]struct {
		state guardian.State
		found guardian.Prior
		left  bool
	}{
		"healthy":                      {healthy, guardian.Prior{Quota: "-1"}, false},
		"gone":                         {guardian.State{Gone: true}, guardian.Prior{Quota: "-1"}, false},
		"a stopped process":            {change(func(s *guardian.State) { s.Stopped = []int{7} }), guardian.Prior{}, true},
		"stopped before":               {change(func(s *guardian.State) { s.Stopped = []int{7} }), guardian.Prior{Stopped: []guardian.Process{{PID: 7}}}, false},
		"frozen":                       {change(func(s *guardian.State) { s.Freezer = "FROZEN" }), guardian.Prior{}, true},
		"frozen before":                {change(func(s *guardian.State) { s.Freezer = "FROZEN" }), guardian.Prior{Frozen: true}, false},
		"thawing still":                {change(func(s *guardian.State) { s.Freezer = "FREEZING" }), guardian.Prior{}, true},
		"a table without rules":        {change(func(s *guardian.State) { s.Table = true }), guardian.Prior{}, true},
		"a throttle":                   {change(func(s *guardian.State) { s.Quota = "20000" }), guardian.Prior{Quota: "-1"}, true},
		"a throttle of another action": {change(func(s *guardian.State) { s.Quota = "20000" }), guardian.Prior{}, false},
	} {
		if err := leftovers(c.state, c.found); (err != nil) != c.left {
			t.Errorf("%s: %v, want left %v", name, err, c.left)
		}
	}
}

func TestAHeartThatHadStoppedBeforeTheActProvesNothing(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		last time.Time
		done bool
		want bool
	}{
		"it beat until the act": {now.Add(-time.Second), false, true},
		"it had stopped":        {now.Add(-time.Minute), false, false},
		"it has ended":          {now.Add(-time.Second), true, false},
	} {
		h := &heart{last: c.last, done: make(chan struct{})}
		if c.done {
			close(h.done)
		}
		silent, err := h.silent(now.Add(-900 * time.Millisecond))
		if got := err == nil && silent >= silence; got != c.want {
			t.Errorf("%s: %v, %v", name, silent, err)
		}
	}
}

func TestDroppingPacketsIsRefusedWhereTheKernelCannot(t *testing.T) {
	c := &Cluster{link: &link{hello: guardian.Hello{NoBlackout: "no egress hook"}}}
	for _, a := range []seatrial.Action{
		seatrial.Freeze{Node: "n", Mode: seatrial.Blackout, Expires: time.Second}, seatrial.Partition{Node: "n", Expires: time.Second},
		seatrial.PowerOff{Node: "n", Expires: time.Second}, seatrial.DNSTerminated{Pod: "p", Expires: time.Second},
	} {
		if err := c.Supports(a); err == nil || !strings.Contains(err.Error(), "no egress hook") {
			t.Errorf("%s: got %v", a.Kind(), err)
		}
	}
	if err := c.Supports(seatrial.StopKubelet{Node: "n", Expires: time.Second}); err != nil {
		t.Errorf("a kubelet can be stopped anywhere: %v", err)
	}
}

func TestWhatIsAbsentIsProvenOnlyIfItWasThere(t *testing.T) {
	const stop, cut = guardian.Refused, guardian.Silent
	ran := guardian.Prior{Daemons: []string{"kubelet"}}
	for name, c := range map[string]struct {
		want   guardian.Answer
		first  guardian.Answer
		now    guardian.Answer
		runs   []string
		proven bool
	}{
		"stopped":                       {stop, guardian.Answered, guardian.Refused, []string{"containerd"}, true},
		"it runs still":                 {stop, guardian.Answered, guardian.Refused, []string{"kubelet"}, false},
		"its port answers still":        {stop, guardian.Answered, guardian.Answered, nil, false},
		"it was not there before":       {stop, guardian.Refused, guardian.Refused, nil, false},
		"cut off":                       {cut, guardian.Answered, guardian.Silent, nil, true},
		"refused is not cut off":        {cut, guardian.Answered, guardian.Refused, nil, false},
		"it was cut off before already": {cut, guardian.Silent, guardian.Silent, nil, false},
	} {
		x := &armed{first: c.first, probe: &guardian.Probe{Address: "a"}, prior: prior{Found: ran}}
		if _, err := x.absenceProof(sight{guardian.State{Daemons: c.runs}, c.now}, c.want, "", "", ""); (err == nil) != c.proven {
			t.Errorf("%s: %v, want proven %v", name, err, c.proven)
		}
	}
}

func TestPowerIsGoneWhenNothingRunsAndNothingPasses(t *testing.T) {
	now := time.Now()
	done := make(chan struct{})
	close(done)
	off := guardian.State{Freezer: "FROZEN", Rules: 2, Table: true}
	for name, c := range map[string]struct {
		state guardian.State
		heart *heart
		want  bool
	}{
		"the heartbeat is silent":     {off, &heart{last: now.Add(-time.Second), done: make(chan struct{})}, true},
		"its process has ended":       {off, &heart{last: now, done: done}, true},
		"it beats":                    {off, &heart{last: now, done: make(chan struct{})}, false},
		"it had stopped long before":  {off, &heart{last: now.Add(-time.Minute), done: done}, false},
		"packets pass":                {guardian.State{Freezer: "FROZEN"}, &heart{last: now, done: done}, false},
		"some of it runs a bit still": {guardian.State{Freezer: "FREEZING", Rules: 2}, &heart{last: now, done: done}, false},
	} {
		x := &armed{heart: c.heart, at: now.Add(-700 * time.Millisecond)}
		if _, err := x.powerProof(c.state); (err == nil) != c.want {
			t.Errorf("%s: %v, want proven %v", name, err, c.want)
		}
	}
}

func TestARevertLooksAtItsOwnPartOfTheNode(t *testing.T) {
	all := guardian.State{Stopped: []int{7}, Freezer: "FROZEN", Table: true, Rules: 2, Cut: 8, Quota: "-1"}
	for part, want := range map[guardian.Part]string{
		guardian.Everything: "1 processes are stopped\nthe freezer is FROZEN\n2 drop rules are in force\n8 rules of a cut are in force",
		guardian.Standing:   "1 processes are stopped\nthe freezer is FROZEN\n2 drop rules are in force",
		guardian.Units:      "1 processes are stopped",
		guardian.Network:    "8 rules of a cut are in force",
	} {
		if got := leftovers(all, guardian.Prior{Part: part}); got == nil || got.Error() != want {
			t.Errorf("%q: %v, want %s", part, got, want)
		}
	}
	for _, part := range []guardian.Part{guardian.CPU, guardian.Objects} {
		if got := leftovers(all, guardian.Prior{Part: part}); got != nil {
			t.Errorf("%q: %v", part, got)
		}
	}
	if err := absent(guardian.State{Daemons: []string{"kubelet"}}, guardian.Prior{Daemons: nodeUnits}); err == nil || !strings.Contains(err.Error(), "containerd") {
		t.Errorf("got %v", err)
	}
}
