package main

import (
	"fmt"
	"io"
)

// progress says how many of many trials are done: on a terminal in one line
// that is written over, elsewhere a line for each twentieth.
type progress struct {
	to          io.Writer
	total, done int
	open        bool // a line that is still to be written over
}

// twentieth is how many steps a log shows.
const twentieth = 20

func (p *progress) step() {
	p.done++
	if isTerminal(p.to) {
		fmt.Fprintf(p.to, "\r%d of %d", p.done, p.total)
		p.open = p.done < p.total
		if !p.open {
			fmt.Fprintln(p.to)
		}
		return
	}
	if p.done*twentieth/p.total > (p.done-1)*twentieth/p.total {
		fmt.Fprintf(p.to, "%d of %d\n", p.done, p.total)
	}
}

// clear makes room for another message.
func (p *progress) clear() {
	if p.open {
		fmt.Fprint(p.to, "\r\x1b[K")
		p.open = false
	}
}
