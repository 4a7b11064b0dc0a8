package virtual

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Seed is where all chance of a trial comes from. Draws are keyed by what they
// are for, never by the order in which they are made, so that one thing more
// or less in a scenario does not change all others, and variants under one
// seed stay comparable.
type Seed uint64

// Rand is a stream of its own for a thing, such as ("service time", "shop-3").
func (s Seed) Rand(what, of string) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(s), hash(what, of)))
}

// Unit is one draw from [0, 1) for the index-th time that something happens to
// a thing.
func (s Seed) Unit(what, of string, index uint64) float64 {
	return float64(mix(uint64(s)^mix(hash(what, of)+index))>>11) / (1 << 53)
}

// Between is one draw from [low, high), see [Seed.Unit].
func (s Seed) Between(low, high time.Duration, what, of string, index uint64) time.Duration {
	return low + time.Duration(s.Unit(what, of, index)*float64(high-low))
}

func hash(what, of string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(what))
	h.Write([]byte{0})
	h.Write([]byte(of))
	return h.Sum64()
}

// mix is the finalizer of SplitMix64, which turns keys that differ in a bit
// into unrelated numbers (Steele et al., doi 10.1145/2660193.2660195).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
