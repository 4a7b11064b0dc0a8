package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

func TestAFaultNamesTheWorkloadThatItStruck(t *testing.T) {
	p := frozen()
	for pod, c := range map[string]journal.PodChange{
		"default/stock-0":  {Node: "worker2", Ready: true, Workload: "deployment/stock"},
		"default/stock-1":  {Node: "worker", Ready: true, Workload: "deployment/stock"},
		"default/front-0":  {Node: "worker3", Ready: true, Workload: "deployment/front"},
		"default/new-0":    {Node: "worker2", Workload: "deployment/new"}, // never ready: nothing was lost
		"kube-system/dns0": {Node: "worker2", Ready: true, Workload: "deployment/coredns", System: true},
	} {
		p.more = append(p.more, seatrial.Event{At: -time.Second, Kind: seatrial.KindPod, Subject: pod, Data: c})
	}
	s, _ := judge(t, p.journal(t))
	if want := []Struck{{"deployment/stock", 1, 2}}; !slices.Equal(s.Faults[0].Struck, want) {
		t.Errorf("struck %v, want %v", s.Faults[0].Struck, want)
	}
	if !strings.Contains(s.Sentence, "It struck 1 of 2 pods of deployment/stock.") {
		t.Error(s.Sentence)
	}
}
