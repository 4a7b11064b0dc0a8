package report

import (
	"fmt"
	"math/rand/v2"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// crew draws summaries: of each variant one a seed, with a share of requests
// hurt that the seed's own luck moves for all variants alike, and chance for
// each of them.
type crew struct {
	backend string
	repeats int
	hurt    map[string]float64 // by variant: the mean share of requests hurt
	luck    float64            // deviation that trials of a seed share
	chance  float64            // deviation of each trial
	stream  uint64
}

func (c crew) trials() []*Summary {
	var all []*Summary
	for n := range c.repeats {
		seed := uint64(n + 1)
		shared := float64(rand.New(rand.NewPCG(seed, c.stream)).NormFloat64() * c.luck)
		for _, variant := range c.order() {
			own := rand.New(rand.NewPCG(seed, c.stream^hash(variant)))
			share := min(1, max(0, c.hurt[variant]+shared+float64(own.NormFloat64()*c.chance))) // converted: no architecture may fuse them
			all = append(all, c.summary(variant, seed, share))
		}
	}
	return all
}

// order is by name, the baseline being "as-is".
func (c crew) order() []string {
	names := []string{"as-is"}
	for _, n := range []string{"better", "same", "unsure", "worse"} {
		if _, ok := c.hurt[n]; ok {
			names = append(names, n)
		}
	}
	return names
}

func hash(text string) (h uint64) {
	for _, r := range text {
		h = h*31 + uint64(r)
	}
	return h
}

func (c crew) summary(variant string, seed uint64, share float64) *Summary {
	const planned = 10_000
	hurt := int64(share * planned)
	felt := Part{Load: Counts{Planned: planned, Sent: planned, Succeeded: planned, Hurt: hurt}, Availability: ptr(1.0),
		Latency: Times{P99: ptr(seatrial.Seconds(8 * share)), Max: ptr(seatrial.Seconds(8 + share))}}
	verdict := seatrial.Pass
	if share > 0.05 {
		verdict = seatrial.Failed
	}
	return &Summary{Schema: Schema, ID: fmt.Sprintf("run/%s-%d", variant, seed), Scenario: "live-migration", Variant: variant,
		Description: "One node's VM is moved <b>to another</b> host.", Backend: c.backend, Seed: seed, Expect: seatrial.Pass, Verdict: verdict,
		Part: felt, Phases: Phases{Fault: &Phase{From: 15, To: 23, Part: felt}, Recovery: &Phase{From: 23, To: 83}}, Hurt: 1,
		Impact:   Impact{RequestsHurt: ptr(share), UsersHurt: ptr(share), TimeToRecover: ptr(seatrial.Seconds(share))},
		SLO:      []Check{{Name: "latency.p99", Load: "browse", Phase: "all", Objective: 0.5, Measured: ptr(8 * share), Pass: 8*share <= 0.5}},
		Versions: journal.Versions{Seatrial: "v0.1.0", Go: "go1.26"}, SourceSHA256: "5e1f"}
}

func (c crew) plan() ComparePlan {
	return ComparePlan{Variants: c.order(), Repeats: c.repeats, Command: "seatrial compare live-migration --seed 1"}
}

func (c crew) compare() *Comparison { return Compare(c.plan(), c.trials()) }

// fleet has a variant for every decision.
func fleet() crew {
	return crew{backend: "sim", repeats: 30, luck: 0.05, chance: 0.01, stream: 1,
		hurt: map[string]float64{"as-is": 0.22, "better": 0.02, "same": 0.22, "unsure": 0.224, "worse": 0.60}}
}
