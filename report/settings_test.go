package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

func TestAReportSaysWhichTimingsAreNotKubernetesDefaults(t *testing.T) {
	p := frozen()
	p.header.Clusters = []journal.Cluster{{Name: "main", Node: &journal.NodeSize{CPU: 1.5, Memory: 2 << 30}, Timings: []seatrial.Departure{
		{Name: "nodeMonitorGracePeriod", Value: 20, Default: 50, Unit: "s"},
		{Name: "tolerationSeconds", Value: 600, Default: 300, Unit: "s"},
		{Name: "nodeEvictionRate", Value: 1, Default: 0.1, Unit: "nodes/s"},
		{Name: "largeClusterSizeThreshold", Value: 0, Default: 50, Unit: "nodes"}}}}
	s, page := judge(t, p.journal(t))
	var text, html, summary bytes.Buffer
	if err := Text(&text, s, Style{}); err != nil {
		t.Fatal(err)
	}
	if err := HTML(&html, page); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&summary, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"each worker has 1.5 cores and 2Gi of memory for pods", "node monitor grace period shortened to 20 s (default 50 s)",
		"toleration lengthened to 600 s (default 300 s)", "node eviction rate raised to 1 nodes/s (default 0.1 nodes/s)",
		"large cluster size threshold lowered to 0 nodes (default 50 nodes)",
	} {
		for where, got := range map[string]string{"text": text.String(), "page": strings.ReplaceAll(html.String(), "\u00a0", " ")} {
			if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
				t.Errorf("the %s does not say: %s\n%s", where, want, got)
			}
		}
	}
	var got struct{ Clusters []journal.Cluster }
	if err := json.Unmarshal(summary.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Clusters) != 1 || len(got.Clusters[0].Timings) != 4 || got.Clusters[0].Timings[0] != p.header.Clusters[0].Timings[0] {
		t.Errorf("the summary has %+v", got.Clusters)
	}
}
