package kind

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestTimingsBecomeFlagsOfTheirComponents(t *testing.T) {
	none, many := 0, 7
	for golden, timings := range map[string]seatrial.Timings{
		"timings-grace.yaml": {NodeMonitorGracePeriod: 20 * time.Second, NodeMonitorPeriod: 2500 * time.Millisecond, NodeLeaseDuration: 16 * time.Second},
		"timings-all.yaml": {NodeMonitorGracePeriod: time.Minute, NodeMonitorPeriod: time.Second, NodeLeaseDuration: 8 * time.Second,
			NodeStatusUpdateFrequency: 2 * time.Second, TolerationSeconds: &many, NodeEvictionRate: 1, SecondaryNodeEvictionRate: 0.5,
			LargeClusterSizeThreshold: &none},
	} {
		t.Run(golden, func(t *testing.T) {
			config, err := shapeOf(seatrial.ClusterSpec{Workers: 1, Timings: timings}, someImage, adaptation{}).config()
			if err != nil {
				t.Fatal(err)
			}
			isGolden(t, golden, config)
		})
	}
}

// isGolden compares with a file of testdata.
func isGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestAWorkerHasForPodsExactlyWhatWasAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		size   seatrial.NodeSize
		host   int
		faked  int
		limit  bool
		memory bool
	}{
		"half a core":              {seatrial.NodeSize{CPU: 500}, 2, 0, true, false},
		"one core on two":          {seatrial.NodeSize{CPU: 1000}, 2, 0, true, false},
		"all that the host has":    {seatrial.NodeSize{CPU: 2000}, 2, 3, false, false},
		"more than the host has":   {seatrial.NodeSize{CPU: 4000}, 2, 5, false, false},
		"the same on a large host": {seatrial.NodeSize{CPU: 4000}, 16, 0, true, false},
		"memory in odd bytes":      {seatrial.NodeSize{Memory: 1_500_000_001}, 2, 0, false, true},
		"memory and CPU":           {seatrial.NodeSize{CPU: 2500, Memory: 4 << 30}, 8, 0, true, true},
	} {
		m := machineOf(c.size, c.host)
		cores := int64(c.host)
		if len(m.CPUs) > 0 {
			cores = int64(len(m.CPUs))
		}
		if len(m.CPUs) != c.faked || c.size.CPU > 0 && cores*1000-m.CPUKept != int64(c.size.CPU) {
			t.Errorf("%s: CPUs %v, %d thousandths kept", name, m.CPUs, m.CPUKept)
		}
		if (m.Quota > 0) != c.limit || m.Quota > int64(c.host)*1e9 || m.Quota > 0 && m.Quota <= int64(c.size.CPU)*1e6 {
			t.Errorf("%s: Docker limits it to %g cores", name, float64(m.Quota)/1e9)
		}
		if pods := m.Memory*1024 - m.MemoryKept - m.MemoryEvict; pods != int64(c.size.Memory) || (m.MemoryEvict > 0) != c.memory {
			t.Errorf("%s: %d bytes for pods", name, pods)
		}
	}
}

// cAdvisor counts folders and reads a number from each; a kubelet writes the
// numbers into a cpuset, which takes those of the host only.
func TestCPUsThatTheHostLacksHaveTheNumbersOfThoseThatItHas(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range cpuNames(7, 3) {
		number, err := strconv.Atoi(strings.TrimPrefix(name, "cpu"))
		if err != nil || number < 0 || number > 2 || seen[name] {
			t.Errorf("%s: %d, %v, twice: %v", name, number, err, seen[name])
		}
		seen[name] = true
	}
}

func TestAWorkerIsSizedByAScript(t *testing.T) {
	for golden, size := range map[string]seatrial.NodeSize{
		"size-cpu.sh": {CPU: 1500}, "size-memory.sh": {Memory: 1 << 30}, "size-both.sh": {CPU: 4000, Memory: 4 << 30},
	} {
		t.Run(golden, func(t *testing.T) {
			var script bytes.Buffer
			if err := sizeTemplate.Execute(&script, machineOf(size, 2)); err != nil {
				t.Fatal(err)
			}
			isGolden(t, golden, script.Bytes())
		})
	}
}

func TestAHealedNodeGetsTheQuotaThatDockerGaveIt(t *testing.T) {
	for name, c := range map[string]struct {
		nano, quota, period int64
		now, want           string
	}{
		"none":                      {now: "20000", want: "-1"},
		"none, version 2":           {now: "20000 100000", want: "max 100000"},
		"cores":                     {nano: 1.1e9, now: "20000", want: "110000"},
		"cores, version 2":          {nano: 1.1e9, now: "20000 100000", want: "110000 100000"},
		"a quota":                   {quota: 50000, now: "20000", want: "50000"},
		"quota, period, version 2":  {quota: 50000, period: 25000, now: "max 100000", want: "50000 25000"},
		"it is as Docker made it":   {nano: 5e8, now: "50000", want: "50000"},
		"no limit and never had it": {now: "-1", want: "-1"},
	} {
		var n container
		n.HostConfig.NanoCpus, n.HostConfig.CpuQuota, n.HostConfig.CpuPeriod = c.nano, c.quota, c.period
		if got := quotaOf(n, c.now); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
