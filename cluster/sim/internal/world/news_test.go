package world

import (
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// heard keeps what the world tells of pods.
type heard struct{ pods []journal.PodChange }

func (h *heard) Interval(seatrial.Interval) {}

func (h *heard) Event(e seatrial.Event) {
	if c, ok := e.Data.(journal.PodChange); ok {
		h.pods = append(h.pods, c)
	}
}

func TestAPodIsToldWithItsWorkload(t *testing.T) {
	for manifest, want := range map[string]string{
		deploy("shop", 1, "", appPod("", readyz)):          "deployment/shop",
		barePod("alone", "app: alone", appPod("", readyz)): "",
	} {
		w, h := newWorld(t, Config{Workers: 1, Seed: 1}), &heard{}
		give(t, w, manifest)
		settle(t, w)
		w.Listen(h)
		if len(h.pods) != 1 || h.pods[0].Workload != want || h.pods[0].Restarts != 0 {
			t.Errorf("%+v, want one pod of %q", h.pods, want)
		}
	}
}

func TestAPodIsToldWithItsRestarts(t *testing.T) {
	w, p := one(t, 1, "", `livenessProbe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: /livez, port: 8080}}`)
	h := &heard{}
	w.Listen(h)
	sleep(t, w, time.Minute)
	hang(p, true)
	until(t, w, "a restart", func() bool { return p.restarts() == 1 })
	if last := h.pods[len(h.pods)-1]; last.Restarts != 1 {
		t.Errorf("%+v, want one restart", h.pods)
	}
}
