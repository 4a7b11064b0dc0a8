package runner

import (
	"math/rand/v2"

	"github.com/seatrial/seatrial"
)

// orderStream keeps the order of a round apart from the other random choices
// of its seed.
const orderStream = 0x6f72646572 // "order"

// Blocks is a schedule for a comparison: randomised blocks. Each round has
// every variant once, in an order that follows from the round's seed, so that
// neither a machine's drift nor what one trial leaves to the next favours a
// variant.
func Blocks(sc *seatrial.Scenario, variants []string, repeats int, seed uint64, folder string) ([]Planned, error) {
	planned, err := Schedule(sc, variants, repeats, seed, folder)
	if err != nil || len(planned) == 0 {
		return planned, err
	}
	size := len(planned) / repeats
	for n := range repeats {
		round := planned[n*size : (n+1)*size]
		rand.New(rand.NewPCG(seed+uint64(n), orderStream)).Shuffle(size, func(i, j int) {
			round[i], round[j] = round[j], round[i]
		})
	}
	return planned, nil
}
