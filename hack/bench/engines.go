package main

import (
	"context"
	"fmt"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
)

// engines are what the commands are built on, each with no more around it than
// sums up its latencies. They run in a process of their own: see [tool.do].
var engines = map[string]func(ctx context.Context, url string, duration time.Duration) error{
	"vegeta": library, "seatrial": engine,
}

// library is the floor of costs: the engine of `seatrial load` sends with it, too.
func library(_ context.Context, url string, duration time.Duration) error {
	attacker := vegeta.NewAttacker(vegeta.Workers(pool), vegeta.MaxWorkers(pool))
	targets := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: url})
	var m vegeta.Metrics
	for r := range attacker.Attack(targets, vegeta.Rate{Freq: costRate, Per: time.Second}, duration, "") {
		m.Add(r)
	}
	m.Close()
	fmt.Println(m.Requests)
	if m.Success < 1 {
		return fmt.Errorf("the library's requests failed: %v", m.Errors)
	}
	return nil
}

func engine(ctx context.Context, url string, duration time.Duration) error {
	var sent, failed int64
	latency := seatrial.Buckets{}
	plan := seatrial.LoadPlan{Load: seatrial.Load{Name: "load", Target: url, Rate: costRate, Users: pool}, Duration: duration}
	e, err := load.NewEngine([]seatrial.LoadPlan{plan}, 0, 1, func(i seatrial.Interval) {
		sent, failed = sent+i.Sent, failed+i.Failed
		journal.Merge(latency, i.Latency)
	})
	if err != nil {
		return err
	}
	if _, err := e.Run(ctx, time.Now()); err != nil {
		return err
	}
	fmt.Println(sent)
	if failed > 0 {
		return fmt.Errorf("%d of the engine's %d requests failed", failed, sent)
	}
	return nil
}
