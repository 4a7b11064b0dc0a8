package plan

import (
	"hash/fnv"
	"sort"

	"github.com/seatrial/seatrial"
)

// Deal says which of a load's targets a request goes to. It depends on the
// trial's seed, the load's name and the request's number alone, so that every
// agent, the simulator, and all variants under a seed deal alike.
type Deal struct {
	key  uint64
	upTo []uint64 // the weights added up; one number for a single target
}

// NewDeal deals for a load that [Check] has nothing against.
func NewDeal(p seatrial.LoadPlan) Deal {
	name := fnv.New64a()
	name.Write([]byte(p.Name)) // it never fails
	d := Deal{key: scramble(p.Seed) ^ name.Sum64()}
	sum := uint64(0)
	for _, t := range p.Requests() {
		sum += uint64(t.Weight)
		d.upTo = append(d.upTo, sum)
	}
	return d
}

// Target is the number of the target of request i.
func (d Deal) Target(i int64) int {
	if len(d.upTo) < 2 {
		return 0
	}
	drawn := scramble(d.key+uint64(i)*0x9e3779b97f4a7c15) % d.upTo[len(d.upTo)-1]
	return sort.Search(len(d.upTo), func(k int) bool { return d.upTo[k] > drawn })
}

// scramble is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func scramble(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
